"""Where the crystal is: the first guess, and shrink-wrap."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, label

from braggline_models.phase_retrieval.pattern import Pattern
from braggline_models.phase_retrieval.recipe import Recipe
from braggline_models.scan import BoolArray

TRUNCATE = 3.0  # of the Gaussian, in sigma


def first_support(pattern: Pattern, recipe: Recipe) -> BoolArray:
    """A box, or the autocorrelation above a level, scaled to half its size: (n, n, n), centered at shape // 2.

    The autocorrelation F^-1[I] of a crystal reaches over twice its size.
    """
    if recipe.start == "box":
        return _box(pattern.shape, recipe.start_box)
    correlation = np.fft.fftshift(np.abs(scipy.fft.ifftn(np.square(pattern.amplitude), workers=1)))
    for axis, n in enumerate(pattern.shape):
        index = np.clip(n // 2 + 2 * (np.arange(n) - n // 2), 0, n - 1)
        correlation = np.take(correlation, index, axis=axis)
    support = _largest_component(correlation > recipe.start_level * correlation.max())
    return bounded(support.astype(np.float32), np.float32(0.5), recipe)


def shrink_wrap(psi: NDArray[np.complex64], sigma_px: float, recipe: Recipe, dilate: bool) -> BoolArray:
    """|psi| smoothed by a Gaussian, above `threshold` of its maximum; neither empty nor nearly everything."""
    smooth = np.abs(psi)
    if sigma_px > 0:
        smooth = gaussian_filter(smooth, sigma_px, mode="wrap", truncate=TRUNCATE)
    support = bounded(smooth, np.float32(recipe.threshold * float(smooth.max())), recipe)
    if recipe.largest_component:
        support = _largest_component(support)
    return dilated(support, recipe.dilate_px) if dilate else support


def bounded(smooth: NDArray[np.float32], level: np.float32, recipe: Recipe) -> BoolArray:
    """smooth > level, the level moved where the support would be too small or too large."""
    support = smooth > level
    n, found = support.size, np.count_nonzero(support)
    for wrong, fraction in (
        (found < recipe.smallest_support * n, recipe.smallest_support),
        (found > recipe.largest_support * n, recipe.largest_support),
    ):
        if wrong:
            place = min(max(int((1.0 - fraction) * n), 0), n - 1)
            support = smooth >= np.partition(smooth, place, axis=None)[place]
    return support


def dilated(support: BoolArray, by_px: int) -> BoolArray:
    """The support grown by its face neighbors, `by_px` times."""
    return binary_dilation(support, iterations=by_px) if by_px > 0 else support


def resized(support: BoolArray, shape: tuple[int, ...]) -> BoolArray:
    """The support on another grid over the same field of view (nearest voxel about the center)."""
    for axis, n in enumerate(shape):
        old = support.shape[axis]
        index = old // 2 + np.round((np.arange(n) - n // 2) * (old / n)).astype(np.intp)
        support = np.take(support, np.clip(index, 0, old - 1), axis=axis)
    return np.ascontiguousarray(support)


def offset_from_center(support: BoolArray) -> tuple[int, int, int]:
    """Whole voxels from shape // 2 to the center of mass; circular, so that a wrapped support has one too."""
    offsets = []
    for axis, n in enumerate(support.shape):
        profile = support.sum(axis=tuple(k for k in range(3) if k != axis), dtype=np.float64)
        turn = np.exp(2j * np.pi * (np.arange(n) - n // 2) / n)
        offsets.append(round(float(np.angle(np.sum(profile * turn))) * n / (2 * np.pi)))
    return offsets[0], offsets[1], offsets[2]


def _largest_component(support: BoolArray) -> BoolArray:
    labels, n = label(support)
    if n < 2:
        return support
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == int(np.argmax(sizes)))


def _box(shape: tuple[int, ...], fraction: float) -> BoolArray:
    support = np.zeros(shape, bool)
    half = [max(int(n * fraction / 2), 1) for n in shape]
    support[tuple(slice(n // 2 - h, n // 2 + h + 1) for n, h in zip(shape, half, strict=True))] = True
    return support
