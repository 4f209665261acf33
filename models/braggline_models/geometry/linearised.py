"""The geometry about the Bragg peak as one 3 x 3 matrix."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from braggline_models.geometry.reciprocal import q_of
from braggline_models.geometry.rotation import rotation_product
from braggline_models.scan import RockingCurve, Vector


def bragg_geometry(curve: RockingCurve, peak_px: Vector) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """q(peak) and M, with q(ijk) = q(peak) + M (ijk - peak): central differences of the exact q.

    peak_px: (frame, row, column), fractional, in raw indices of `curve`. Gives (3,) and (3, 3), 1/m, in the sample
    frame; column k of M is one raw step along axis k. The frame axis is taken over the whole scan's mean step, so
    that the jitter of one motor position does not tilt the volume.
    """
    frame, row, column = peak_px
    columns = []
    for axis in range(3):
        step = np.zeros(3)
        step[axis] = 0.5 if axis else max(0.5, min(len(curve.measured) / 2 - 1, 8.0))
        ahead = _q(curve, frame + step[0], row + step[1], column + step[2])
        behind = _q(curve, frame - step[0], row - step[1], column - step[2])
        columns.append((ahead - behind) / (2.0 * step[axis]))
    return _q(curve, frame, row, column), np.stack(columns, axis=1)


def sample_to_lab(curve: RockingCurve, peak_px: Vector) -> NDArray[np.float64]:
    """R of all sample circles at the peak: (3, 3), turns the sample frame into the laboratory."""
    return rotation_product(curve.diffractometer.sample_circles, _angles_at(curve, peak_px[0]))


def linearisation_error(
    curve: RockingCurve, peak_px: Vector, start_px: tuple[int, int, int], shape_px: tuple[int, int, int]
) -> float:
    """Largest |q - q(peak) - M (ijk - peak)| at the corners of a box of raw voxels, over the box's diagonal in q."""
    q_peak, steps = bragg_geometry(curve, peak_px)
    first = np.array(start_px, float)
    last = first + np.array(shape_px) - 1
    worst = 0.0
    for corner in product(*zip(first, last, strict=True)):
        linear = q_peak + steps @ (np.array(corner) - np.array(peak_px))
        worst = max(worst, float(np.linalg.norm(_q(curve, *corner) - linear)))
    return worst / float(np.linalg.norm(steps @ (last - first)))


def voxel_vectors_m(q_step_per_m: NDArray[np.float64], shape: Sequence[int]) -> NDArray[np.float64]:
    """A = 2 pi M^-T diag(1 / N): column k is the step in direct space along axis k of the object. (3, 3), m."""
    return np.asarray(2.0 * np.pi * np.linalg.inv(q_step_per_m).T / np.asarray(shape, np.float64))


def _q(curve: RockingCurve, frame: float, row: float, column: float) -> NDArray[np.float64]:
    return q_of(curve.diffractometer, curve.detector, _angles_at(curve, frame), row, column, curve.energy_eV)


def _angles_at(curve: RockingCurve, frame: float) -> dict[str, float]:
    index = np.arange(len(curve.measured))
    angles = {}
    for name, values in curve.angles_deg.items():
        known = curve.measured & np.isfinite(values)
        angles[name] = _along(index[known], np.asarray(values, np.float64)[known], frame)
    return angles


def _along(index: NDArray[np.int_], values: NDArray[np.float64], frame: float) -> float:
    """The straight line through the positions: exact for a step scan, and defined between and beyond the frames."""
    if len(index) < 2 or np.ptp(values) == 0.0:
        return float(values[0])
    slope, offset = np.polyfit(index, values, 1)
    return float(slope * frame + offset)
