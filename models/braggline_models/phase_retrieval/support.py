"""Where the crystal is: the first guess, and shrink-wrap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from braggline_models.phase_retrieval import fft
from braggline_models.phase_retrieval.backend import CPU, Backend
from braggline_models.phase_retrieval.pattern import Pattern
from braggline_models.phase_retrieval.recipe import Recipe
from braggline_models.scan import BoolArray

REACH_PX = 8  # a shrink-wrap looks no farther than this beyond the support it starts from
LEVELS: dict[str, Any] = {"max": np.max, "mean": np.mean, "rms": lambda values: np.sqrt(np.mean(np.square(values)))}


def first_support(pattern: Pattern, recipe: Recipe) -> BoolArray:
    """A box, or the autocorrelation above a level, scaled to half its size: (n, n, n), centered at shape // 2.

    The autocorrelation F^-1[I] of a crystal reaches over twice its size.
    """
    if recipe.start == "box":
        return _box(pattern.shape, recipe.start_box)
    correlation = np.fft.fftshift(np.abs(fft.ifftn(np.square(pattern.amplitude))))
    for axis, n in enumerate(pattern.shape):
        index = np.clip(n // 2 + 2 * (np.arange(n) - n // 2), 0, n - 1)
        correlation = np.take(correlation, index, axis=axis)
    support = CPU.largest_component(correlation > recipe.start_level * correlation.max())
    return bounded(support.astype(np.float32), np.float32(0.5), recipe, support.size)


def shrink_wrap(
    psi: Any, support: Any, sigma_px: float, threshold: float, recipe: Recipe, dilate: bool, device: Backend = CPU
) -> Any:
    """|psi| smoothed by a Gaussian, above `threshold` of its maximum, mean or rms; neither empty nor nearly everything.

    The mean and rms are those inside the present support. psi complex64, support bool -> bool. Looks at the block
    about the support with REACH_PX around; with border_px > 0 only voxels that near to the surface may change.
    """
    block = block_about(support, REACH_PX, device)
    smooth = np.abs(psi[block])
    before = support[block]
    if sigma_px > 0:
        smooth = device.gaussian(smooth, sigma_px)
    reference = float(smooth.max() if recipe.threshold_of == "max" else LEVELS[recipe.threshold_of](smooth[before]))
    found = bounded(smooth, np.float32(threshold * reference), recipe, support.size)
    if recipe.largest_component:
        found = device.largest_component(found)
    if dilate:
        found = dilated(found, recipe.dilate_px, device)
    if recipe.border_px:
        found = _only_near_surface(before, found, recipe.border_px, device)
    new = device.xp.zeros(support.shape, bool)
    new[block] = found
    return new


def bounded(smooth: Any, level: np.float32, recipe: Recipe, n: int) -> Any:
    """smooth > level, the level moved where the support would be too small or too large a share of `n` voxels."""
    support = smooth > level
    found = int(np.count_nonzero(support))
    for wrong, fraction in (
        (found < recipe.smallest_support * n, recipe.smallest_support),
        (found > recipe.largest_support * n, recipe.largest_support),
    ):
        if wrong:
            place = min(max(smooth.size - int(fraction * n), 0), smooth.size - 1)
            support = smooth >= np.partition(smooth.ravel(), place)[place]
    return support


def dilated(support: Any, by_px: int, device: Backend = CPU) -> Any:
    """The support grown by its face neighbors, `by_px` times."""
    return device.dilated(support, iterations=by_px) if by_px > 0 else support


def resized(support: BoolArray, shape: tuple[int, ...]) -> BoolArray:
    """The support on another grid over the same field of view (nearest voxel about the center)."""
    for axis, n in enumerate(shape):
        old = support.shape[axis]
        index = old // 2 + np.round((np.arange(n) - n // 2) * (old / n)).astype(np.intp)
        support = np.take(support, np.clip(index, 0, old - 1), axis=axis)
    return np.ascontiguousarray(support)


def offset_from_center(support: Any, device: Backend = CPU) -> tuple[int, int, int]:
    """Whole voxels from shape // 2 to the center of mass; circular, so that a wrapped support has one too."""
    offsets = []
    for profile in device.profiles(support):
        n = profile.size
        turn = np.exp(2j * np.pi * (np.arange(n) - n // 2) / n)
        offsets.append(round(float(np.angle(np.sum(profile * turn))) * n / (2 * np.pi)))
    return offsets[0], offsets[1], offsets[2]


def block_about(support: Any, reach_px: int, device: Backend = CPU) -> tuple[slice, ...]:
    """The smallest block that holds the support and reach_px around it; everything where there is none."""
    slices = []
    for profile in device.profiles(support):
        n, line = profile.size, np.flatnonzero(profile)
        first, last = (line[0], line[-1]) if line.size else (0, n - 1)
        slices.append(slice(max(int(first) - reach_px, 0), min(int(last) + reach_px + 1, n)))
    return tuple(slices)


def _only_near_surface(before: Any, after: Any, border_px: int, device: Backend) -> Any:
    """`after`, but what lies deeper than border_px inside or outside of `before` stays as it was."""
    outer = dilated(before, border_px, device)
    inner = ~dilated(~before, border_px, device)
    return (after & outer) | inner


def _box(shape: tuple[int, ...], fraction: float) -> NDArray[np.bool_]:
    support = np.zeros(shape, bool)
    half = [max(int(n * fraction / 2), 1) for n in shape]
    support[tuple(slice(n // 2 - h, n // 2 + h + 1) for n, h in zip(shape, half, strict=True))] = True
    return support
