"""Pixels that count by themselves."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from braggline_models.preprocess.options import PrepareOptions
from braggline_models.preprocess.scene import Finding, Scene, scene_of
from braggline_models.scan import BoolArray, RockingCurve

LONE_RATIO = 10.0  # a pixel this much brighter than the brightest around it, on average over the scan
CLUSTER = 3  # so many hot pixels beside each other are still told from a Bragg peak
LONE_SIGMA = 8.0  # and by this many standard deviations of counting noise
MIN_FRAMES = 3  # below that, time says nothing


def hot_pixels(curve: RockingCurve) -> BoolArray:
    """x > LONE_RATIO b and > b + LONE_SIGMA sqrt(b + n), b the 4th brightest of the 5 x 5 pixels around.

    x is the sum over the n measured frames, and over the quarter of them that count least: there a hot pixel is alone
    that the Bragg peak outshines in the other frames. Oversampling by 2 or more spreads a Bragg peak:
    its four nearest neighbors hold at least 0.4 of it (sinc^2(1/2)), so b is of the same size there. A hot pixel, or
    up to CLUSTER of them, stand alone. Pixels of `curve.mask` are left out.

    Returns (n_rows, n_cols) bool, True where hot.
    """
    return _hot(scene_of(curve))


def hot_in_sum(image: NDArray[np.float64], n: int) -> BoolArray:
    """The same rule for the sum of `n` frames alone, such as those of a map: (n_rows, n_cols) bool."""
    return np.asarray(_alone(image, n), bool)


def find_hot(scene: Scene, options: PrepareOptions) -> Finding:
    """The step `hot`: see `hot_pixels`."""
    return Finding(pixels=_hot(scene))


def _hot(scene: Scene) -> BoolArray:
    survey = scene.survey
    if survey.n < MIN_FRAMES:
        return np.zeros_like(scene.bad)
    hot = _alone(scene.image, survey.n)
    if (dark := scene.dark_image) is not None:
        hot |= _alone(dark, len(survey.dark_frames))
    return np.asarray(hot & ~scene.bad)


@njit(cache=True, nogil=True)
def _alone(image, n):  # type: ignore[no-untyped-def]
    """Most pixels are left at once: they are dim, or a few of those beside them are as bright."""
    alone = np.zeros(image.shape, np.bool_)
    dimmest = LONE_SIGMA * np.sqrt(n)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            if image[i, j] > dimmest:
                alone[i, j] = _stands_out(image, i, j, n)
    return alone


@njit(cache=True, nogil=True)
def _stands_out(image, i, j, n):  # type: ignore[no-untyped-def]
    """True unless more than CLUSTER of the pixels around come near."""
    near = 0
    for a in range(max(i - 2, 0), min(i + 3, image.shape[0])):
        for b in range(max(j - 2, 0), min(j + 3, image.shape[1])):
            around = image[a, b]
            if image[i, j] <= LONE_RATIO * around or image[i, j] <= around + LONE_SIGMA * np.sqrt(around + n):
                near += 1  # the pixel itself is the first
                if near > CLUSTER + 1:
                    return False
    return True
