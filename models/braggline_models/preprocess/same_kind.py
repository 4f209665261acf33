"""Whether two scans were measured alike, so that their counts can be added."""

from __future__ import annotations

import numpy as np

from braggline_models.errors import BadInput
from braggline_models.scan import RockingCurve

SAME_STEP, SAME_ENERGY, SAME_ANGLE_DEG, SAME_LENGTH = 0.02, 1e-4, 0.2, 1e-3


def check_same_kind(first: RockingCurve, other: RockingCurve) -> None:
    """BadInput, with both numbers, where `other` was not measured like `first`."""
    for what, a, b, tolerance in _compared(first, other):
        if abs(a - b) > tolerance:
            raise BadInput(
                f"{other.name}: {what} is {b:.6g}, that of {first.name} is {a:.6g}; only scans of one reflection with "
                "the same detector and step can be added, leave it out"
            )
    if first.detector.name != other.detector.name or first.scanned_circle != other.scanned_circle:
        raise BadInput(
            f"{other.name}: a scan of {other.scanned_circle} on {other.detector.name}, {first.name} is one of "
            f"{first.scanned_circle} on {first.detector.name}; leave it out"
        )


def _compared(first: RockingCurve, other: RockingCurve) -> list[tuple[str, float, float, float]]:
    """(what, of the first, of the other, how far they may be apart)"""
    steps = [float(np.mean(np.diff(curve.scanned_positions))) for curve in (first, other)]
    a, b = first.detector, other.detector
    rows: list[tuple[str, float, float, float]] = [
        (f"the step of {first.scanned_circle}", steps[0], steps[1], SAME_STEP * abs(steps[0])),
        ("the distance in m", a.distance_m, b.distance_m, SAME_LENGTH * a.distance_m),
        ("the pixel size in m", a.pixel_size_m[0], b.pixel_size_m[0], SAME_LENGTH * a.pixel_size_m[0]),
    ]
    if first.energies_eV is None and other.energies_eV is None:
        rows.append(("the energy in eV", first.energy_eV, other.energy_eV, SAME_ENERGY * first.energy_eV))
    for circle in first.diffractometer.circle_names:
        if circle != first.scanned_circle:
            middle = [float(np.mean(curve.angles_deg[circle])) for curve in (first, other)]
            rows.append((f"{circle} in deg", middle[0], middle[1], SAME_ANGLE_DEG))
    return rows
