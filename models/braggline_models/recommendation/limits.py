"""What the next scan may be at most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from braggline_models.results import Recommendation


@dataclass(frozen=True)
class ScanLimits:
    """Set by a person; a recommendation never goes beyond."""

    max_range_deg: float = 4.0
    min_step_deg: float = 0.0005
    max_exposure_s: float = 10.0
    max_points: int = 400

    @classmethod
    def of(cls, settings: object) -> ScanLimits:
        """From any object that has the limits as attributes of the same names."""
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})


def clipped(recommendation: Recommendation, limits: ScanLimits) -> Recommendation:
    """The recommendation inside `limits`; `limits_hit` names each that bound it.

    Where the points are too many the step grows, so that the range, and with it the resolution, is kept.
    """
    parameters, hit = clip_parameters(recommendation.parameters, limits)
    new = tuple(name for name in hit if name not in recommendation.limits_hit)
    return replace(recommendation, parameters=parameters, limits_hit=(*recommendation.limits_hit, *new))


def clip_parameters(parameters: Mapping[str, float], limits: ScanLimits) -> tuple[dict[str, float], tuple[str, ...]]:
    """`parameters` inside the limits and the names of the limits that were hit; keys it does not know pass."""
    out, hit = dict(parameters), []
    if out.get("exposure_s", 0.0) > limits.max_exposure_s:
        out["exposure_s"] = limits.max_exposure_s
        hit.append("max_exposure_s")
    if "range_deg" not in out or "step_deg" not in out:
        return out, tuple(hit)
    if out["range_deg"] > limits.max_range_deg:
        out["range_deg"] = limits.max_range_deg
        hit.append("max_range_deg")
    if out["step_deg"] < limits.min_step_deg:
        out["step_deg"] = limits.min_step_deg
        hit.append("min_step_deg")
    points = points_of(out["range_deg"], out["step_deg"])
    if points > limits.max_points:
        points = limits.max_points
        hit.append("max_points")
    out["points"] = float(points)
    out["step_deg"] = out["range_deg"] / (points - 1)
    return out, tuple(hit)


def points_of(range_deg: float, step_deg: float) -> int:
    """Points of a scan over `range_deg`, both ends measured; the step never comes out coarser than asked for."""
    return max(math.ceil(range_deg / step_deg - 1e-6), 2) + 1
