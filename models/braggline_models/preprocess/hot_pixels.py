"""Pixels that count by themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import rank_filter

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


def find_hot(scene: Scene, options: PrepareOptions) -> Finding:
    """The step `hot`: see `hot_pixels`."""
    return Finding(pixels=_hot(scene))


def _hot(scene: Scene) -> BoolArray:
    survey = scene.survey
    if survey.n < MIN_FRAMES:
        return np.zeros_like(scene.bad)
    hot = _alone(scene.image, survey.n)
    if survey.dark is not None:
        hot |= _alone(np.where(scene.bad, 0.0, survey.dark).astype(np.float32), survey.n_dark)
    return np.asarray(hot & ~scene.bad)


def _alone(image: NDArray[np.float32], n: int) -> BoolArray:
    """Asked only of pixels that could be: the rank filter is what costs."""
    alone = np.zeros(image.shape, bool)
    bright = image > LONE_SIGMA * np.sqrt(n)
    if not bright.any():
        return alone
    rows, columns = (np.flatnonzero(bright.any(axis=k)) for k in (1, 0))
    box = slice(max(rows[0] - 2, 0), rows[-1] + 3), slice(max(columns[0] - 2, 0), columns[-1] + 3)
    around = rank_filter(image[box], rank=-1 - CLUSTER, size=5, mode="constant")
    limit = np.maximum(LONE_RATIO * around, around + LONE_SIGMA * np.sqrt(around + n))
    alone[box] = image[box] > limit
    return alone
