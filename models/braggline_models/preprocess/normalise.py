"""Counts as a perfect detector in a steady beam would have counted them, and still counts on average."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from braggline_models.scan import BoolArray, CleaningStep, Corrections, FloatArray

MOST_DEAD = 0.8  # of the time: a pixel that is busy longer tells no rate
LEAST_FLAT = 0.1  # of the median pixel: a dimmer one is no pixel


@dataclass(frozen=True)
class Normalised:
    """(n_f, n_r, n_c) counts, 0 where unknown, and what is unknown; the record of each correction."""

    intensity: NDArray[np.float32]
    mask: BoolArray
    steps: tuple[CleaningStep, ...] = ()


def normalised(
    intensity: NDArray[np.float32],
    mask: BoolArray,
    corrections: Corrections,
    factors: FloatArray,
    exposure_s: float | None,
) -> Normalised:
    """s f_i (N / (1 - N tau / t) - dark) / flat, s such that the sum over the known voxels stays that of N.

    intensity (n_f, n_r, n_c) counts N of a window, mask True where unknown; corrections of the same window; factors
    (n_f,) f_i. Dead time tau, not paralysable, at the exposure t (Knoll, Radiation Detection, 4.7). What cannot be told
    becomes unknown: pixels busy for more than MOST_DEAD of the time, of less than LEAST_FLAT of the median efficiency,
    frames whose factor is NaN.

    With s the result is counts on average, and where all factors are near 1 its noise is Poisson's. Where an
    attenuator moved it is not: the amplitudes are right everywhere, but the likelihoods understate the noise of a
    frame that was multiplied by more than the average, and overstate that of one that was multiplied by less.
    """
    if nothing_to_do(corrections, factors, exposure_s):
        return Normalised(intensity, mask)
    now = Normalised(intensity, mask | ~np.isfinite(factors)[:, None, None])
    if corrections.dead_time_s > 0 and exposure_s:
        now = _counted_always(now, corrections.dead_time_s / exposure_s)
    if corrections.dark is not None:
        now = _without_dark(now, corrections.dark)
    if corrections.flat is not None:
        now = _evened(now, corrections.flat, np.asarray(mask.all(axis=0)))
    counts = np.where(now.mask, 0, now.intensity * np.nan_to_num(factors)[:, None, None]).astype(np.float32)
    before, after = float(intensity[~now.mask].sum(dtype=np.float64)), float(counts.sum(dtype=np.float64))
    return replace(now, intensity=counts * np.float32(before / after if after > 0 else 1.0))


def nothing_to_do(corrections: Corrections, factors: FloatArray, exposure_s: float | None) -> bool:
    """True where `normalised` would change nothing."""
    dead = corrections.dead_time_s > 0 and bool(exposure_s)
    return not dead and corrections.flat is None and corrections.dark is None and bool(np.all(factors == 1.0))


def _counted_always(now: Normalised, dead_share: float) -> Normalised:
    """N / (1 - N tau / t); dead_share tau / t."""
    busy = now.intensity * np.float32(dead_share)
    lost = busy > MOST_DEAD
    most = float(busy[~(lost | now.mask)].max(initial=0.0))
    counts = now.intensity / (1 - np.minimum(busy, np.float32(MOST_DEAD)))
    return _after(now, counts, lost, f"dead time: pixels were busy for up to {most:.2%} of the time")


def _without_dark(now: Normalised, dark: FloatArray) -> Normalised:
    """max(N - dark, 0), as a count is never negative: half a noise's width too much where there is dark alone."""
    known = np.isfinite(dark)
    level = np.where(known, dark, 0).astype(np.float32)
    lost = np.broadcast_to(~known, now.mask.shape)
    counts = np.maximum(now.intensity - level, 0)
    removed = float((now.intensity - counts)[~(lost | now.mask)].sum(dtype=np.float64))
    return _after(now, counts, lost, f"dark: {level.mean():.3g} counts a voxel subtracted", removed)


def _evened(now: Normalised, flat: FloatArray, bad: BoolArray) -> Normalised:
    """N over flat / median(flat); no pixel where that is no efficiency."""
    good = np.isfinite(flat) & (flat > 0) & ~bad
    relative = np.where(good, flat, 0.0) / (np.median(flat[good]) if good.any() else 1.0)
    dim = relative <= LEAST_FLAT
    counts = (now.intensity / np.where(dim, 1.0, relative)).astype(np.float32)
    spread = float(np.std(relative[~dim])) if not dim.all() else 0.0
    return _after(now, counts, np.broadcast_to(dim, now.mask.shape), f"flat field: pixels differ by {spread:.1%}")


def _after(
    now: Normalised, counts: NDArray[np.float32], lost: BoolArray, name: str, removed: float = 0.0
) -> Normalised:
    """`now` with these counts, and `lost` unknown from here on."""
    fresh = lost & ~now.mask
    removed += float(now.intensity[fresh].sum(dtype=np.float64))
    return Normalised(counts, now.mask | lost, (*now.steps, CleaningStep(name, int(np.count_nonzero(fresh)), removed)))
