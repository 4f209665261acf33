"""Values given by the caller that stand above what the file says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from braggline_models.errors import BadInput
from braggline_models.scan import Detector

GEOMETRY = (
    "energy_eV", "exposure_s", "distance_m", "beam_center_row_px", "beam_center_column_px", "roi_row_px",
    "roi_column_px",
)  # fmt: skip


def checked_overrides(overrides: Mapping[str, float], circles: Iterable[str]) -> dict[str, float]:
    """The overrides as floats. BadInput for a key that is neither a circle nor in GEOMETRY, or a value not finite."""
    allowed = (*circles, *GEOMETRY)
    for key, value in overrides.items():
        if key not in allowed:
            raise BadInput(f"--set {key}: unknown key; known are {', '.join(allowed)} and recipe.KEY")
        if not np.isfinite(value):
            raise BadInput(f"--set {key}={value}: not a finite number; give one")
    for key in ("energy_eV", "distance_m", "exposure_s"):
        if overrides.get(key, 1.0) <= 0:
            raise BadInput(f"--set {key}={overrides[key]:g}: must be above 0")
    return {key: float(value) for key, value in overrides.items()}


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


def window(overrides: Mapping[str, float], found: Window | None) -> Window | None:
    """The window of `overrides`, else what was found in the file."""
    if "roi_row_px" not in overrides and "roi_column_px" not in overrides:
        return found
    return Window(int(overrides.get("roi_row_px", 0)), int(overrides.get("roi_column_px", 0)))
