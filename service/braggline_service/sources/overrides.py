"""Values given by the caller that stand above what the file says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from braggline_models.errors import BadInput
from braggline_models.scan import Corrections, Detector

GEOMETRY = (
    "energy_eV", "exposure_s", "distance_m", "beam_center_row_px", "beam_center_column_px", "roi_row_px",
    "roi_column_px",
)  # fmt: skip
FILES = ("mask_file", "flat_file", "dark_file")  # of the detector, by name
DETECTOR = (*FILES, "dead_time_s")
Overrides = Mapping[str, float | str]


def checked_overrides(overrides: Overrides, circles: Iterable[str]) -> dict[str, float]:
    """The numbers of `overrides`. BadInput for a key that is no circle, nor in GEOMETRY or DETECTOR, or not finite.

    What concerns the detector alone is left to `detector_overrides`.
    """
    allowed = (*circles, *GEOMETRY, *DETECTOR)
    numbers = {}
    for key, value in overrides.items():
        if key not in allowed:
            raise BadInput(f"--set {key}: unknown key; known are {', '.join(allowed)} and recipe.KEY")
        if key in FILES:
            continue
        if isinstance(value, str) or not np.isfinite(value):
            raise BadInput(f"--set {key}={value}: not a finite number; give one")
        numbers[key] = float(value)
    for key in ("energy_eV", "distance_m", "exposure_s"):
        if numbers.get(key, 1.0) <= 0:
            raise BadInput(f"--set {key}={numbers[key]:g}: must be above 0")
    if numbers.get("dead_time_s", 0.0) < 0:
        raise BadInput(f"--set dead_time_s={numbers['dead_time_s']:g}: must not be below 0")
    return numbers


def detector_overrides(overrides: Overrides) -> dict[str, float | str]:
    """What of `overrides` stands above the detector's own configuration."""
    return {key: value for key, value in overrides.items() if key in DETECTOR}


def posed(detector: Detector, overrides: Mapping[str, float]) -> Detector:
    """The whole detector with the distance and the beam center of `overrides`."""
    row, column = detector.beam_center_px
    return replace(
        detector,
        distance_m=overrides.get("distance_m", detector.distance_m),
        beam_center_px=(overrides.get("beam_center_row_px", row), overrides.get("beam_center_column_px", column)),
    )


@dataclass(frozen=True)
class Window:
    """First row and column of the frames on the whole detector."""

    row: int
    column: int


def seen_through(corrections: Corrections, at: Window | None, shape_px: tuple[int, int]) -> Corrections:
    """The corrections of the whole detector, cut to the window of the frames."""
    return corrections.cropped(at.row if at else 0, at.column if at else 0, shape_px)


def window(overrides: Mapping[str, float], found: Window | None) -> Window | None:
    """The window of `overrides`, else what was found in the file."""
    if "roi_row_px" not in overrides and "roi_column_px" not in overrides:
        return found
    return Window(int(overrides.get("roi_row_px", 0)), int(overrides.get("roi_column_px", 0)))
