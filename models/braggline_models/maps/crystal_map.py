"""A map of a sample, whole or still growing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.maps.reduce import FrameValues, Roi
from braggline_models.scan import BoolArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class CrystalMap:
    """One number of each kind a point; points in any order, on a grid or not.

    axes         names of the two motors;  positions_m (n_points, 2) of both, in m
    step_m       of the scan along each axis: what counts as beside each other
    measured     (n_points,) bool; the values of the other points are NaN
    counts ... column_width_px  (n_points,) float64, as in FrameValues
    """

    name: str
    axes: tuple[str, str]
    positions_m: Array
    step_m: tuple[float, float]
    measured: BoolArray
    counts: Array
    peak_counts: Array
    background: Array
    maximum: Array
    row_px: Array
    column_px: Array
    row_width_px: Array
    column_width_px: Array
    roi_px: Roi | None = None
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.positions_m)
        shapes = {"positions_m": (n, 2), "measured": (n,)} | dict.fromkeys(VALUES, (n,))
        for name, expected in shapes.items():
            if (found := getattr(self, name).shape) != expected:
                raise BadInput(f"{self.name}: {name} has shape {found}, expected {expected}")
        if not all(np.isfinite(step) and step > 0 for step in self.step_m):
            raise BadInput(f"{self.name}: steps of {self.step_m} m; both motors move in a map")

    def with_frames(self, values: Mapping[int, FrameValues]) -> CrystalMap:
        """The same map with these points measured, whatever was there before."""
        if wrong := [k for k in values if not 0 <= k < len(self.measured)]:
            raise BadInput(f"{self.name}: no point {wrong[0]}; there are {len(self.measured)}")
        where = np.fromiter(values, int, len(values))
        arrays = {name: getattr(self, name).copy() for name in VALUES}
        for name, array in arrays.items():
            array[where] = [getattr(value, name) for value in values.values()]
        measured = self.measured.copy()
        measured[where] = True
        return replace(self, measured=measured, **arrays)


VALUES = tuple(field.name for field in fields(FrameValues))


def empty_map(
    name: str,
    axes: tuple[str, str],
    positions_m: Array,
    step_m: tuple[float, float] | None = None,
    roi_px: Roi | None = None,
) -> CrystalMap:
    """A map of which no point is measured yet. step_m: by default what `spacing_m` finds."""
    n = len(positions_m)
    unknown = {value: np.full(n, np.nan) for value in VALUES}
    step_m = step_m or spacing_m(positions_m)
    return CrystalMap(name, axes, positions_m, step_m, np.zeros(n, bool), **unknown, roi_px=roi_px)  # type: ignore[arg-type]


def spacing_m(positions_m: Array) -> tuple[float, float]:
    """Step along each axis of points on a grid, jitter of a fifth of it allowed; else that of as many on a square one.

    BadInput where a motor stands still.
    """
    spans = np.ptp(positions_m, axis=0) if len(positions_m) else np.zeros(2)
    if not (np.isfinite(spans).all() and (spans > 0).all()):
        raise BadInput(f"a map of {len(positions_m)} points spans {spans[0]:g} x {spans[1]:g} m; both motors must move")
    even = float(np.sqrt(spans[0] * spans[1] / len(positions_m)))
    steps = []
    for values in positions_m.T:
        levels = np.sort(values)
        gaps = np.diff(levels)
        wide = gaps[gaps > 0.2 * even]
        is_grid = 1 < len(wide) + 1 <= 0.6 * len(values) and float(np.ptp(wide)) < 0.8 * float(np.median(wide))
        steps.append(float(np.median(wide)) if is_grid else even)
    return steps[0], steps[1]
