"""How much beam each frame saw, from its monitor and its attenuator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.scan import BoolArray, CleaningStep, FloatArray, RockingCurve

STEADY = 0.005  # relative deviation below which a monitor says nothing
NOISY = 1.5  # times the counting noise of the monitor itself: below, dividing by it adds more than it takes away
LOST_BEAM = 0.1  # of the median: so weak a frame is unknown, not scaled up
MOST_LOST = 0.25  # of the frames: a monitor that is away in more is broken, not the beam
UNEQUAL = 2.0  # between the factors of two frames: from there on the likelihood's idea of noise is far off


@dataclass(frozen=True)
class FrameFactors:
    """What each frame is multiplied by, (n_frames,), NaN where it becomes unknown; the record of it, and flags."""

    factors: NDArray[np.float64]
    steps: tuple[CleaningStep, ...] = ()
    flags: tuple[str, ...] = ()


def no_factors(curve: RockingCurve) -> FrameFactors:
    """Every frame as it is."""
    return FrameFactors(np.ones(len(curve.measured)))


def frame_factors(curve: RockingCurve) -> FrameFactors:
    """median(monitor) / monitor_i x max(T) / T_i, where the monitor moves and an attenuator does.

    A monitor that stands still within STEADY, or within NOISY times sqrt(counts) where it is whole counts, divides
    nothing, and the record says so. Frames without beam, or whose monitor or transmission is not known, become unknown.
    BadInput for a transmission outside 0 to 1.
    """
    factors, steps = np.ones(len(curve.measured)), []
    for name, values in (("monitor", curve.monitor), ("attenuator", curve.transmission)):
        if values is None or not curve.measured.any():
            continue
        seen = np.asarray(values, np.float64)[curve.measured]
        share, told = _monitored(seen) if name == "monitor" else _attenuated(seen, curve.name)
        factors[curve.measured] *= share
        lost = np.flatnonzero(curve.measured)[np.isnan(share)]
        counts = sum(float(curve.intensity[i][~curve.mask].sum(dtype=np.float64)) for i in lost)
        steps.append(CleaningStep(f"{name}: {told}", len(lost) * int(np.count_nonzero(~curve.mask)), counts))
    return FrameFactors(factors, tuple(steps), _suspicions(factors[curve.measured]))


def beam_factors(measured: BoolArray, monitor: FloatArray | None, transmission: FloatArray | None) -> FloatArray:
    """The factors alone, for a curve that is still growing; 1 where nothing can be told."""
    factors = np.ones(len(measured))
    for values, share in ((monitor, _monitored), (transmission, lambda seen: _attenuated(seen, ""))):
        if values is not None and measured.any():
            factors[measured] *= share(np.asarray(values, np.float64)[measured])[0]
    return factors


def _monitored(seen: FloatArray) -> tuple[FloatArray, str]:
    """(n,) what each frame is multiplied by, and what to say of it."""
    counting = np.isfinite(seen) & (seen > 0)
    middle = float(np.median(seen[counting])) if counting.any() else 0.0
    there = counting & (np.where(counting, seen, 0.0) > LOST_BEAM * middle)
    lost = np.count_nonzero(~there)
    if lost > MOST_LOST * len(seen):
        return np.ones(len(seen)), f"not used, it counts in {len(seen) - lost} of {len(seen)} frames only"
    unknown = f"; {lost} frame(s) without beam are unknown" if lost else ""
    if _is_steady(seen[there]):
        return np.where(there, 1.0, np.nan), f"not used, it stands still{unknown}"
    spread = float(np.std(seen[there]) / np.mean(seen[there]))
    share = np.where(there, middle / np.where(there, seen, 1.0), np.nan)
    return share, f"frames divided by it, it varies by {spread:.1%}{unknown}"


def _attenuated(seen: FloatArray, name: str) -> tuple[FloatArray, str]:
    known = np.isfinite(seen)
    if known.any() and (seen[known].min() < 0 or seen[known].max() > 1):
        raise BadInput(
            f"{name}: the attenuator's transmission goes from {seen[known].min():g} to {seen[known].max():g}; give a "
            "counter of 0 to 1 as `attenuator` of the beamline, or --set recipe.normalise=false"
        )
    if not np.any(seen > 0):
        return np.ones(len(seen)), "not used, it tells no transmission"
    known &= np.where(known, seen, 0.0) > 0
    lost = np.count_nonzero(~known)
    unknown = f"; {lost} frame(s) without a transmission are unknown" if lost else ""
    highest, lowest = float(seen[known].max()), float(seen[known].min())
    share = np.where(known, highest / np.where(known, seen, 1.0), np.nan)
    if highest == lowest:
        return share, f"transmission {highest:.3g} in every frame{unknown}"
    return share, f"frames divided by its transmission, {lowest:.3g} to {highest:.3g}{unknown}"


def _is_steady(seen: FloatArray) -> bool:
    mean, deviation = float(np.mean(seen)), float(np.std(seen))
    noise = np.sqrt(mean) if np.array_equal(seen, np.rint(seen)) else 0.0
    return bool(deviation <= max(STEADY * mean, NOISY * noise))


def _suspicions(factors: FloatArray) -> tuple[str, ...]:
    known = factors[np.isfinite(factors)]
    if not known.size or known.max() <= UNEQUAL * known.min():
        return ()
    return (
        f"frames were scaled by up to {known.max() / known.min():.3g} against each other: the likelihoods take the "
        "scaled counts for photons, and are not to be compared with those of other scans",
    )
