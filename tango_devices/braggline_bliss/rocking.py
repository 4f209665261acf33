"""What a rocking scan will be, and where each number comes from."""

from __future__ import annotations

from dataclasses import dataclass

from braggline_bliss.standing import Standing

FEWEST_POINTS = 5


@dataclass(frozen=True)
class RockingPlan:
    """start_deg to stop_deg in `points`, `exposure_s` each; identifier: of the recommendation it uses, or ''."""

    start_deg: float
    stop_deg: float
    points: int
    exposure_s: float
    identifier: str
    taken: tuple[str, ...]

    @property
    def center_deg(self) -> float:
        return (self.start_deg + self.stop_deg) / 2

    def told(self, motor: str) -> str:
        """One line for the person who is about to run it."""
        step = (self.stop_deg - self.start_deg) / (self.points - 1)
        line = (
            f"{motor} {self.start_deg:.4f} .. {self.stop_deg:.4f} deg, {self.points} points (step {step:.5f} deg), "
            f"{self.exposure_s:g} s each: {self.points * self.exposure_s:.0f} s of counting"
        )
        return f"{line}; {', '.join(self.taken)} from {self.identifier}" if self.identifier else line


def plan_rocking(
    standing: Standing,
    position_deg: float,
    half_width: float | None = None,
    points: int | None = None,
    exposure: float | None = None,
    center: float | None = None,
) -> RockingPlan:
    """What is given is used; the rest comes from the approved recommendation. ValueError says what is missing."""
    approved = standing.parameters if standing.state == "approved" else {}
    asked = {"half_width": half_width, "points": points, "exposure": exposure, "center": center}
    offered: dict[str, float | None] = {
        "half_width": approved["range_deg"] / 2 if "range_deg" in approved else None,
        "points": approved.get("points"),
        "exposure": approved.get("exposure_s"),
        "center": approved.get("center_deg"),
    }
    if standing.state == "pending" and standing.mode == "confirm" and None in (half_width, points, exposure):
        raise ValueError(f"{standing.identifier} waits for your decision: bragg.approve() or bragg.reject('why')")
    chosen = {key: offered[key] if value is None else value for key, value in asked.items()}
    middle = position_deg if chosen["center"] is None else chosen["center"]
    if missing := [key for key in ("half_width", "points", "exposure") if chosen[key] is None]:
        raise ValueError(f"rocking: give {', '.join(f'{key}=' for key in missing)} {_why(standing)}")
    half, count, seconds = float(chosen["half_width"] or 0), int(chosen["points"] or 0), float(chosen["exposure"] or 0)
    if half <= 0 or seconds <= 0 or count < FEWEST_POINTS:
        raise ValueError(f"rocking: half_width and exposure are above 0, points at least {FEWEST_POINTS}")
    taken = tuple(key for key, value in asked.items() if value is None and offered[key] is not None)
    identifier = standing.identifier if taken else ""
    return RockingPlan(middle - half, middle + half, count, seconds, identifier, taken)


def _why(standing: Standing) -> str:
    if standing.state == "pending":
        return f"or approve {standing.identifier} first: bragg.approve()"
    if standing.state == "none":
        return "(no recommendation stands)"
    return f"(the recommendation {standing.identifier} is {standing.state})"
