"""Counts as a perfect detector in a steady beam would have counted them, and still counts on average."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braggline_models.scan import BoolArray, CleaningStep, Corrections, FloatArray, RockingCurve

STEADY = 0.005  # relative deviation below which a monitor says nothing
NOISY = 1.5  # times the counting noise of the monitor itself: below, dividing by it adds more than it takes away
LOST_BEAM = 0.1  # of the median: so weak a frame is unknown, not scaled up
MOST_DEAD = 0.8  # of the time: a pixel that is busy longer tells no rate
LEAST_FLAT = 0.1  # of the median pixel: a dimmer one is no pixel


@dataclass(frozen=True)
class FrameFactors:
    """What each frame is multiplied by, (n_frames,) float64, NaN where it becomes unknown; and the record of it."""

    factors: NDArray[np.float64]
    steps: tuple[CleaningStep, ...] = ()


def frame_factors(curve: RockingCurve) -> FrameFactors:
    """median(monitor) / monitor_i x max(T) / T_i, where the monitor moves and an attenuator does.

    A monitor that stands still within STEADY, or within NOISY times sqrt(counts) where it is whole counts, is not used,
    and the record says so. Frames without beam, or of no transmission, become unknown.
    """
    factors, steps = np.ones(len(curve.measured)), []
    for name, values, reference in (
        ("monitor", curve.monitor, np.median),
        ("attenuator", curve.transmission, np.max),
    ):
        if values is None or not curve.measured.any():
            continue
        seen = np.asarray(values, np.float64)[curve.measured]
        middle = float(reference(seen))
        if not np.isfinite(seen).all() or middle <= 0:
            steps.append(CleaningStep(f"{name}: not used, it does not count in every frame", 0, 0.0))
        elif name == "monitor" and _is_steady(seen):
            steps.append(CleaningStep(f"{name}: not used, it stands still", 0, 0.0))
        elif np.ptp(seen) > 0:
            least = LOST_BEAM * middle if name == "monitor" else 0.0
            relative = np.where(seen > least, middle / np.where(seen > least, seen, 1.0), np.nan)
            factors[curve.measured] *= relative
            spread = float(np.std(seen) / np.mean(seen))
            steps.append(CleaningStep(f"{name}: frames divided by it, it varies by {spread:.1%}", 0, 0.0))
    return FrameFactors(factors, tuple(steps))


def normalised(
    intensity: NDArray[np.float32],
    mask: BoolArray,
    corrections: Corrections,
    factors: FloatArray,
    exposure_s: float | None,
) -> tuple[NDArray[np.float32], BoolArray]:
    """s f_i (N / (1 - N tau / t) - dark) / flat, s such that the sum over the known voxels stays that of N.

    intensity (n_f, n_r, n_c) counts N of a window, mask True where unknown; corrections of the same window; factors
    (n_f,) f_i. Dead time tau, not paralysable, at the exposure t (Knoll, Radiation Detection, 4.7). With s the result
    is counts on average: its noise is Poisson's where factors are near 1, and a bright frame that was attenuated keeps
    its weight while weak frames lose theirs. What cannot be told becomes unknown: pixels busy for more than MOST_DEAD
    of the time, of less than LEAST_FLAT of the median efficiency, frames whose factor is NaN.
    """
    unknown = mask | ~np.isfinite(factors)[:, None, None]
    counts: NDArray[np.float32] = intensity
    if corrections.dead_time_s > 0 and exposure_s:
        busy = counts * np.float32(corrections.dead_time_s / exposure_s)
        unknown |= busy > MOST_DEAD
        counts = counts / (1 - np.minimum(busy, np.float32(MOST_DEAD)))
    if corrections.dark is not None:
        counts = np.maximum(counts - corrections.dark.astype(np.float32), 0)
    if corrections.flat is not None:
        relative = _relative(corrections.flat, np.asarray(mask.all(axis=0)))
        unknown |= np.isnan(relative)
        counts = (counts / np.where(np.isnan(relative), 1.0, relative)).astype(np.float32)
    counts = np.where(unknown, 0, counts * np.nan_to_num(factors)[:, None, None]).astype(np.float32)
    before, after = float(intensity[~unknown].sum(dtype=np.float64)), float(counts.sum(dtype=np.float64))
    return counts * np.float32(before / after if after > 0 else 1.0), unknown


def nothing_to_do(corrections: Corrections, factors: FloatArray, exposure_s: float | None) -> bool:
    """True where `normalised` would change nothing."""
    dead = corrections.dead_time_s > 0 and bool(exposure_s)
    return not dead and corrections.flat is None and corrections.dark is None and bool(np.all(factors == 1.0))


def _is_steady(seen: FloatArray) -> bool:
    mean, deviation = float(np.mean(seen)), float(np.std(seen))
    noise = np.sqrt(mean) if np.array_equal(seen, np.rint(seen)) else 0.0
    return bool(deviation <= max(STEADY * mean, NOISY * noise))


def _relative(flat: FloatArray, bad: BoolArray) -> FloatArray:
    """flat over its median of the good pixels, NaN where it is no efficiency."""
    good = np.isfinite(flat) & (flat > 0) & ~bad
    if not good.any():
        return np.full(flat.shape, np.nan)
    relative = np.where(good, flat, np.nan) / np.median(flat[good])
    return np.where(relative > LEAST_FLAT, relative, np.nan)
