"""The geometry about the Bragg peak as one 3 x 3 matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from braggline_models.geometry.reciprocal import q_of
from braggline_models.scan import FloatArray, RockingCurve, Vector


def bragg_geometry(curve: RockingCurve, peak_px: Vector) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """q(peak) and M, with q(ijk) = q(peak) + M (ijk - peak): central differences of the exact q.

    peak_px: (frame, row, column), fractional, in raw indices of `curve`. Gives (3,) and (3, 3), 1/m, in the sample
    frame; column k of M is one raw step along axis k. The frame axis, whichever circles or energy move along it, is
    taken over the whole scan's mean step, so that the jitter of one motor position does not tilt the volume.
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


def voxel_vectors_m(q_step_per_m: NDArray[np.float64], shape: Sequence[int]) -> NDArray[np.float64]:
    """A = 2 pi M^-T diag(1 / N): column k is the step in direct space along axis k of the object. (3, 3), m."""
    return np.asarray(2.0 * np.pi * np.linalg.inv(q_step_per_m).T / np.asarray(shape, np.float64))


def angles_at(curve: RockingCurve, frame: float) -> dict[str, float]:
    """Every circle at a fractional frame, in deg, on the straight line through the positions of the measured frames."""
    return {name: _on_line(curve, values, frame) for name, values in curve.angles_deg.items()}


def energy_at(curve: RockingCurve, frame: float) -> float:
    """The energy at a fractional frame, in eV: it moves in an energy scan only."""
    return curve.energy_eV if curve.energies_eV is None else _on_line(curve, curve.energies_eV, frame)


def _q(curve: RockingCurve, frame: float, row: float, column: float) -> NDArray[np.float64]:
    angles, energy = angles_at(curve, frame), energy_at(curve, frame)
    return q_of(curve.diffractometer, curve.detector, angles, row, column, energy)


def _on_line(curve: RockingCurve, values: FloatArray, frame: float) -> float:
    known = np.flatnonzero(curve.measured & np.isfinite(values))
    return _along(known, np.asarray(values, np.float64)[known], frame)


def _along(index: NDArray[np.int_], values: NDArray[np.float64], frame: float) -> float:
    """The straight line through the positions: exact for a step scan, and defined between and beyond the frames."""
    if len(index) < 2 or np.ptp(values) == 0.0:
        return float(values[0])
    slope, offset = np.polyfit(index, values, 1)
    return float(slope * frame + offset)
