"""How far one scan lies from another of the same crystal, to a fraction of a voxel, and how alike they are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from braggline_models.preprocess.normalise import Normalised
from braggline_models.preprocess.view import Index, View
from braggline_models.scan import Vector

BRIGHT = 20.0  # counts of both together: a voxel that tells the shape
FEWEST_BRIGHT = 100
FINER = 0.25  # voxel
MOST_STEPS = 40  # of the climb to the best whole-voxel shift


def shift_between(first: Normalised, start: Index, at: View, other: View) -> tuple[Vector, float]:
    """How far `other` lies from the first in (frame, row, column), and how alike they are once it is taken back.

    Uphill in whole voxels from where the Bragg peaks lie on each other, then twice the top of a parabola along each
    axis: through whole voxels, and through FINER steps of the pattern itself, which oversampling makes band-limited.
    """
    tried: dict[Index, float] = {}

    def correlation(by: Index) -> float:
        if by not in tried:
            tried[by] = _correlation(first, window_at(other, start, by, first))
        return tried[by]

    apart = [b - a for a, b in zip(at.peak.center_px, other.peak.center_px, strict=True)]
    best: Index = (round(apart[0]), round(apart[1]), round(apart[2]))
    for _ in range(MOST_STEPS):
        higher = max((_moved(best, axis, by) for axis in range(3) for by in (-1, 1)), key=correlation)
        if correlation(higher) <= correlation(best):
            break
        best = higher
    rest = [_top(*(correlation(_moved(best, axis, by)) for by in (-1, 0, 1))) for axis in range(3)]
    view = window_at(other, start, best, first)
    rest, alike = _finer(first, view, rest)
    return (best[0] + rest[0], best[1] + rest[1], best[2] + rest[2]), alike


def _finer(first: Normalised, view: Normalised, rest: list[float]) -> tuple[list[float], float]:
    """The fractions of a voxel improved, and the likeness there."""
    here = _likeness(first, view, rest)
    for axis in range(3):
        sides = [[r + by * (k == axis) for k, r in enumerate(rest)] for by in (-FINER, FINER)]
        by = FINER * _top(_likeness(first, view, sides[0]), here, _likeness(first, view, sides[1]), 2.0)
        moved = [r + by * (k == axis) for k, r in enumerate(rest)]
        if (there := _likeness(first, view, moved)) > here:
            rest, here = moved, there
    return rest, here


def window_at(other: View, start: Index, by: Index, like: Normalised) -> Normalised:
    """The window of `like`, which begins at raw voxel `start`, moved by so many voxels."""
    return other.of((start[0] + by[0], start[1] + by[1], start[2] + by[2]), like.intensity.shape)


def _correlation(a: Normalised, b: Normalised) -> float:
    """Of the square roots of the counts, where both know them and there are BRIGHT of them."""
    both = ~(a.mask | b.mask) & (a.intensity + b.intensity >= BRIGHT)
    if np.count_nonzero(both) < FEWEST_BRIGHT:
        return 0.0
    return _normalised(np.sqrt(a.intensity[both]), np.sqrt(b.intensity[both]), 0.25, 0.25)


def _likeness(a: Normalised, b: Normalised, rest: Sequence[float]) -> float:
    """Correlation of the logarithms of the counts, b taken back by `rest` voxels: fringes weigh as much as the peak."""
    both = ~(a.mask | b.mask)
    ratio = b.intensity[both].sum(dtype=np.float64) / max(float(a.intensity[both].sum(dtype=np.float64)), 1.0)
    back = _taken_back(np.where(b.mask, a.intensity * np.float32(ratio), b.intensity), rest)
    both &= (np.minimum(a.intensity, back) >= BRIGHT / 4) & (a.intensity + back >= BRIGHT)
    if np.count_nonzero(both) < FEWEST_BRIGHT:
        return 0.0
    x, y = a.intensity[both], back[both]
    return _normalised(np.log(x), np.log(y), float(np.mean(1 / x)), float(np.mean(1 / y)))


def _normalised(x: NDArray[np.float32], y: NDArray[np.float32], noise_x: float, noise_y: float) -> float:
    """Pearson's correlation with the variance of the counting noise taken out of both."""
    signal_x, signal_y = float(np.var(x, dtype=np.float64)) - noise_x, float(np.var(y, dtype=np.float64)) - noise_y
    if min(signal_x, signal_y) <= 0:
        return 0.0
    together = float(np.mean((x - x.mean()) * (y - y.mean()), dtype=np.float64))
    return together / float(np.sqrt(signal_x * signal_y))


def _taken_back(volume: NDArray[np.float32], by: Sequence[float]) -> NDArray[np.float32]:
    """volume(r + by), by Fourier's theorem: for judging only, since what is between counts is no count."""
    spectrum = scipy.fft.rfftn(volume, workers=1)
    for axis, n in enumerate(volume.shape):
        q = np.fft.rfftfreq(n) if axis == 2 else np.fft.fftfreq(n)
        ramp = np.exp(2j * np.pi * q * by[axis]).astype(np.complex64)
        spectrum *= ramp.reshape([-1 if k == axis else 1 for k in range(3)])
    return np.asarray(scipy.fft.irfftn(spectrum, volume.shape, workers=1), np.float32)


def _moved(index: Index, axis: int, by: int) -> Index:
    moved = list(index)
    moved[axis] += by
    return moved[0], moved[1], moved[2]


def _top(before: float, here: float, after: float, most: float = 0.5) -> float:
    """Where the parabola through three values is highest, in steps from the middle one, `most` at most."""
    bend = before - 2 * here + after
    return float(np.clip((before - after) / (2 * bend), -most, most)) if bend < 0 else 0.0
