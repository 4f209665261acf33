"""What a rocking scan will be, and where each number comes from."""

from __future__ import annotations

from dataclasses import dataclass

from braggline_bliss.standing import Standing

FEWEST_POINTS = 5


@dataclass(frozen=True)
class RockingPlan:
    """start to stop, in `unit` (deg or eV), in `points`, `exposure_s` each; identifier: of the recommendation it uses,
    or ''."""

    start: float
    stop: float
    points: int
    exposure_s: float
    identifier: str
    taken: tuple[str, ...]
    unit: str = "deg"

    @property
    def center(self) -> float:
        return (self.start + self.stop) / 2

    def told(self, motor: str) -> str:
        """One line for the person who is about to run it."""
        step, unit = (self.stop - self.start) / (self.points - 1), self.unit
        ends, between = (1, 3) if unit == "eV" else (4, 5)
        line = (
            f"{motor} {self.start:.{ends}f} .. {self.stop:.{ends}f} {unit}, {self.points} points "
            f"(step {step:.{between}f} {unit}), "
            f"{self.exposure_s:g} s each: {self.points * self.exposure_s:.0f} s of counting"
        )
        return f"{line}; {', '.join(self.taken)} from {self.identifier}" if self.identifier else line


def plan_rocking(
    standing: Standing,
    position: float,
    half_width: float | None = None,
    points: int | None = None,
    exposure: float | None = None,
    center: float | None = None,
    unit: str = "deg",
) -> RockingPlan:
    """What is given, in `unit` (deg or eV), is used; the rest comes from the approved recommendation if that is in the
    same unit. ValueError says what is missing."""
    approved = standing.parameters if standing.state == "approved" and standing.unit == unit else {}
    asked = {"half_width": half_width, "points": points, "exposure": exposure, "center": center}
    offered: dict[str, float | None] = {
        "half_width": approved[f"range_{unit}"] / 2 if f"range_{unit}" in approved else None,
        "points": approved.get("points"),
        "exposure": approved.get("exposure_s"),
        "center": approved.get(f"center_{unit}"),
    }
    if standing.state == "pending" and standing.mode == "confirm" and None in (half_width, points, exposure):
        raise ValueError(f"{standing.identifier} waits for your decision: bragg.approve() or bragg.reject('why')")
    chosen = {key: offered[key] if value is None else value for key, value in asked.items()}
    middle = position if chosen["center"] is None else chosen["center"]
    if missing := [key for key in ("half_width", "points", "exposure") if chosen[key] is None]:
        raise ValueError(f"rocking: give {', '.join(f'{key}=' for key in missing)} {_why(standing, unit)}")
    half, count, seconds = float(chosen["half_width"] or 0), int(chosen["points"] or 0), float(chosen["exposure"] or 0)
    if half <= 0 or seconds <= 0 or count < FEWEST_POINTS:
        raise ValueError(f"rocking: half_width and exposure are above 0, points at least {FEWEST_POINTS}")
    taken = tuple(key for key, value in asked.items() if value is None and offered[key] is not None)
    identifier = standing.identifier if taken else ""
    return RockingPlan(middle - half, middle + half, count, seconds, identifier, taken, unit)


def _why(standing: Standing, unit: str) -> str:
    if standing.state == "pending":
        return f"or approve {standing.identifier} first: bragg.approve()"
    if standing.state == "none":
        return "(no recommendation stands)"
    if standing.unit != unit:
        follow = "rocking(energy=True)" if standing.unit == "eV" else "rocking()"
        return f"(the recommendation {standing.identifier} is in {standing.unit}: {follow} follows it)"
    return f"(the recommendation {standing.identifier} is {standing.state})"
