"""The recommendation: the plan, said in a way that a person can agree or disagree with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from braggline_models.recommendation.curve import CurveShape, curve_shape
from braggline_models.recommendation.limits import ScanLimits, clip_parameters
from braggline_models.recommendation.plan import LEAST_SAMPLING, Goal, Plan, plan
from braggline_models.recommendation.summary import ScanSummary
from braggline_models.results import Recommendation

# in order of weight: the first that holds names the action
ACTIONS = ("repeat", "shorten", "recenter", "refine", "widen", "expose", "trim", "move on")
EXPIRES_AFTER_S = 600.0


def next_scan(
    summary: ScanSummary,
    limits: ScanLimits | None = None,
    goal: Goal | None = None,
    expires_after_s: float = EXPIRES_AFTER_S,
) -> Recommendation:
    """Range, step, exposure and points of the scan that teaches most next, with the reason in one line.

    parameters: center_deg, shift_deg (of the center, against this scan), range_deg (whole), step_deg, exposure_s,
    points. No learning: sampling, noise floor and photon statistics alone (plan.py). Of an energy scan all that is in
    deg here is in eV, and named so: center_eV, range_eV, step_eV; the limits of range and step are those of circles.
    """
    goal, limits = goal or Goal(), _limits(limits or ScanLimits(), summary)
    shape = curve_shape(summary.angle_deg, summary.counts_per_frame)
    if shape is None or not math.isfinite(summary.step_deg):
        return _repeat(summary, limits, expires_after_s)
    made = plan(summary, shape, goal)
    reasons = dict(made.reasons)
    if not summary.complete:
        missing = max(summary.frames_expected - len(summary.angle_deg), 1)
        reasons["repeat"] = f"{missing} of {summary.frames_expected} frames were not measured"
    action = next((a for a in ACTIONS if a in reasons), "move on")
    middle = float(summary.angle_deg.min() + summary.angle_deg.max()) / 2
    wanted = {"center_deg": made.center_deg, "shift_deg": made.center_deg - middle, "range_deg": made.range_deg}
    wanted |= {"step_deg": made.step_deg, "points": float(made.points)}
    if math.isfinite(made.exposure_s):
        wanted["exposure_s"] = made.exposure_s
    parameters, hit = clip_parameters(wanted, limits)
    hit += ("saturation_counts",) if made.headroom < 1.0 else ()
    told = [reasons[a] for a in ACTIONS if a in reasons] + _detector_axes(summary)
    gain, details = _gain(summary, parameters, made)
    peak = {"peak_deg": shape.peak_deg, "fwhm_deg": shape.fwhm_deg, "contrast": shape.contrast}
    return Recommendation(
        action=action,
        parameters=_named(parameters, summary),
        reason="; ".join(told) if told else _content(summary),
        expected_gain=gain,
        confidence=_confidence(summary, shape, made, hit),
        expires_after_s=expires_after_s,
        limits_hit=hit,
        details=details | _named(peak, summary),
    )


def _limits(limits: ScanLimits, summary: ScanSummary) -> ScanLimits:
    return limits if summary.unit == "deg" else replace(limits, max_range_deg=math.inf, min_step_deg=0.0)


def _named(values: Mapping[str, float], summary: ScanSummary) -> dict[str, float]:
    """`values` with the unit of this scan in their names."""
    return {f"{k.removesuffix('_deg')}_{summary.unit}" if k.endswith("_deg") else k: v for k, v in values.items()}


def _repeat(summary: ScanSummary, limits: ScanLimits, expires_after_s: float) -> Recommendation:
    """No peak was seen: look for it twice as wide, at the same step."""
    values = {"range_deg": 2 * summary.range_deg, "step_deg": summary.step_deg, "exposure_s": summary.exposure_s}
    known = {k: v for k, v in values.items() if math.isfinite(v) and v > 0}
    parameters, hit = clip_parameters(known, limits)
    reason = f"no Bragg peak stands out of {len(summary.angle_deg)} frames over {summary.range_deg:.3f} {summary.unit}"
    named, gain = _named(parameters, summary), "a peak to look at, if there is one"
    return Recommendation("repeat", named, reason, gain, 0.2, expires_after_s, hit)


def _gain(summary: ScanSummary, parameters: dict[str, float], made: Plan) -> tuple[str, dict[str, float]]:
    """r' = max(r (dose' / dose)^(-1/4), what the range leaves); time as points x exposure."""
    points = max(len(summary.angle_deg), 1)
    exposure = parameters.get("exposure_s", summary.exposure_s)
    ratio = exposure / summary.exposure_s if math.isfinite(summary.exposure_s) else 1.0
    time_ratio = parameters["points"] / points * ratio
    dose_ratio = ratio * summary.step_deg / parameters["step_deg"]
    details = {"time_ratio": time_ratio, "dose_ratio": dose_ratio}
    before, cost = summary.resolution_m, f"at {time_ratio:.2f}x the counting time, {parameters['points']:.0f} points"
    if not math.isfinite(before):
        return f"a scan {cost}; the resolution of this one is not known", details
    limit = summary.edge_m[0] * summary.range_deg / parameters["range_deg"]
    after = before * dose_ratio**-0.25
    after = max(after, min(limit, before)) if math.isfinite(limit) else after
    details |= {"resolution_now_m": before, "resolution_expected_m": after}
    if abs(after / before - 1.0) < 0.05:
        return f"same resolution ({1e9 * before:.1f} nm) {cost}", details
    return f"resolution {1e9 * before:.1f} -> about {1e9 * after:.1f} nm {cost}", details


def _detector_axes(summary: ScanSummary) -> list[str]:
    """What no scan parameter mends: the fringes are too narrow for the pixels."""
    told = []
    for axis, sigma in zip(("rows", "columns"), summary.oversampling[1:], strict=True):
        if sigma < LEAST_SAMPLING:
            far = LEAST_SAMPLING / sigma
            told.append(f"{axis} sample the fringes {sigma:.1f} times: move the detector {far:.1f}x further away")
    return told


def _content(summary: ScanSummary) -> str:
    if math.isfinite(summary.resolution_m):
        return f"centered, well sampled and resolved to {1e9 * summary.resolution_m:.1f} nm: go on to the next state"
    return "centered and well sampled: go on to the next state"


def _confidence(summary: ScanSummary, shape: CurveShape, made: Plan, hit: tuple[str, ...]) -> float:
    """0..1, a product of doubts and no probability: peak in the noise, frames missing, sampling guessed, tail
    extrapolated, seeds at odds, limits in the way."""
    doubts = [
        min(shape.contrast / 30.0, 1.0),
        len(summary.angle_deg) / max(summary.frames_expected, len(summary.angle_deg)),
        1.0 if math.isfinite(summary.oversampling[0]) else 0.6,
        0.8 if "widen" in made.reasons else 1.0,
        summary.agreement if 0.0 <= summary.agreement <= 1.0 else 0.8,
        0.8 if hit else 1.0,
    ]
    return round(0.95 * math.prod(doubts), 2)
