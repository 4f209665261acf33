"""The next scan in numbers, one rule for each knob.

A crystal with facets scatters I ~ q^-4 t: at equal counts in the outermost shell the resolution (half period) goes
as r ~ (dose per volume of q)^(-1/4), dose ~ exposure / step (Porod's law; Chapman et al., JOSA A 23, 1179 (2006)).
Twice the resolution costs sixteen times the photons, so that is where a measurement is worth ending.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from braggline_models.recommendation.curve import CurveShape
from braggline_models.recommendation.limits import points_of
from braggline_models.recommendation.summary import ScanSummary

LEAST_SAMPLING, LOW_SAMPLING, GOOD_SAMPLING, HIGH_SAMPLING = 2.0, 2.5, 3.0, 3.5
LINEAR_PART = 0.8  # of the saturation counts: what the brightest pixel may reach
MOST_WIDENING = 2.0  # how far beyond the measured range the tail is trusted
CENTERED = 0.1  # of the range: a peak this near the middle stays where it is
TRIM_BELOW = 0.8  # of the range: a scan is shortened only where it saves a fifth


@dataclass(frozen=True)
class Goal:
    """resolution_m: the half period that is good enough; max_dose: how much more dose one step may cost, a factor."""

    resolution_m: float = 10e-9
    max_dose: float = 4.0


@dataclass(frozen=True)
class Plan:
    """Range, step and exposure of the next scan about `center_deg`, and why each one changes (empty: it does not)."""

    center_deg: float
    range_deg: float
    step_deg: float
    exposure_s: float
    reasons: dict[str, str]
    headroom: float  # exposure may grow by this factor before the brightest pixel leaves the linear part

    @property
    def points(self) -> int:
        return points_of(self.range_deg, self.step_deg)

    @property
    def duration_s(self) -> float:
        return self.points * self.exposure_s


def plan(summary: ScanSummary, shape: CurveShape, goal: Goal) -> Plan:
    """Sampling first, then the range, then the photons; each rule tells its reason with the numbers."""
    reasons: dict[str, str] = {}
    center = _center(summary, shape, reasons)
    step = _step(summary, reasons)
    range_deg = _range(summary, shape, center, goal, reasons)
    headroom = _headroom(summary)
    exposure = _exposure(summary, step, goal, headroom, reasons)
    return Plan(center, range_deg, step, exposure, reasons, headroom)


def _center(summary: ScanSummary, shape: CurveShape, reasons: dict[str, str]) -> float:
    middle = float(summary.angle_deg.min() + summary.angle_deg.max()) / 2
    shift = shape.peak_deg - middle
    if abs(shift) <= CENTERED * summary.range_deg:
        return middle
    reasons["recenter"] = (
        f"the peak is at {shape.peak_deg:.4f} {summary.unit}, {shift:+.4f} {summary.unit} off the middle of the scan"
    )
    return shape.peak_deg


def _step(summary: ScanSummary, reasons: dict[str, str]) -> float:
    """sigma = fringe spacing / step: 2 is the least that phases anything, 3 leaves room for a larger crystal."""
    sigma = summary.oversampling[0]
    if not math.isfinite(sigma) or LOW_SAMPLING <= sigma <= HIGH_SAMPLING:
        return summary.step_deg
    step = summary.step_deg * sigma / GOOD_SAMPLING
    fringe = f"fringes {sigma * summary.step_deg:.4f} {summary.unit} apart are sampled {sigma:.1f} times"
    if sigma < LOW_SAMPLING:
        reasons["refine"] = f"{fringe}, {GOOD_SAMPLING:g} is safe and {LEAST_SAMPLING:g} the least"
    else:
        reasons["trim"] = f"{fringe}, {GOOD_SAMPLING:g} is enough"
    return step


def _range(summary: ScanSummary, shape: CurveShape, center: float, goal: Goal, reasons: dict[str, str]) -> float:
    """Symmetric, out to where the fringes drown in the noise, yet no wider than the wanted resolution needs.

    Half period r = pi / q_half: a range wider by f resolves finer by f along the rocking axis.
    """
    half = summary.range_deg / 2
    shorter_side = min(center - float(summary.angle_deg.min()), float(summary.angle_deg.max()) - center)
    useful = min(shape.signal_half_width_deg, MOST_WIDENING * half)
    edge = summary.edge_m[0]
    if math.isfinite(edge):
        useful = min(useful, max(half * edge / goal.resolution_m, 3 * shape.fwhm_deg))
    useful = max(useful, 3 * shape.fwhm_deg)
    if summary.resolution_m <= goal.resolution_m:  # nothing is missing; False where it is not known
        useful = min(useful, half)
    if useful > 1.15 * half:
        reach = min(shape.signal_half_width_deg, 9.99) if summary.unit == "deg" else shape.signal_half_width_deg
        reasons["widen"] = (
            f"the scan ends {shorter_side:.3f} {summary.unit} off the peak, "
            f"its tail stays above the noise to {reach:.2f} {summary.unit}"
        )
        return 2 * useful
    if useful < TRIM_BELOW * half:
        why = "drowns in the noise" if useful >= 0.99 * shape.signal_half_width_deg else "gives what is wanted"
        reasons["trim"] = "; ".join(
            [
                *([reasons["trim"]] if "trim" in reasons else []),
                f"beyond {useful:.3f} {summary.unit} from the peak it {why}",
            ]
        )
        return 2 * useful
    return 2 * half


def _headroom(summary: ScanSummary) -> float:
    if not math.isfinite(summary.saturation_counts) or summary.peak_counts <= 0:
        return math.inf
    return LINEAR_PART * summary.saturation_counts / summary.peak_counts


def _exposure(summary: ScanSummary, step: float, goal: Goal, headroom: float, reasons: dict[str, str]) -> float:
    """exposure' = exposure (step' / step) (r / r')^4, and never beyond the linear part of the detector."""
    if summary.peak_counts >= summary.saturation_counts:
        reasons["shorten"] = f"the peak saturates at {summary.saturation_counts:g} counts"
        return summary.exposure_s * headroom
    same_dose = step / summary.step_deg
    want = (summary.resolution_m / goal.resolution_m) ** 4 if math.isfinite(summary.resolution_m) else 1.0
    finest = [e for e in summary.edge_m[1:] if math.isfinite(e)]
    if finest and math.isfinite(summary.resolution_m):  # the detector's edge cannot be passed by counting longer
        want = min(want, (summary.resolution_m / max(max(finest), 1e-12)) ** 4)
    gain = min(max(want, 1.0), goal.max_dose)
    factor = min(gain * same_dose, headroom)
    if gain > 1.25 and factor > 1.05 * same_dose:
        reasons["expose"] = (
            f"counts end at {1e9 * summary.resolution_m:.1f} nm, {1e9 * goal.resolution_m:.0f} nm is wanted: "
            f"{factor / same_dose:.1f}x the photons"
        )
    return summary.exposure_s * factor
