"""The exact q of voxels, and how far the linear geometry is from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from braggline_models.geometry.linearised import angles_at, bragg_geometry, energy_at
from braggline_models.geometry.reciprocal import q_of
from braggline_models.geometry.rotation import rotation_product
from braggline_models.scan import FloatArray, PreparedVolume, RockingCurve, Vector

SIGNAL_COUNTS = 10.0  # of a voxel: three sigma of its own Poisson noise
SIGNAL_PERCENT = 99.0  # of these voxels lie nearer than what is told: a stray one far out tells nothing
MOST_SHIFT_VOXELS = 1.0
MOST_VOXELS = 20_000  # looked at: more tell the same


def exact_q(curve: RockingCurve, frames: ArrayLike, rows: ArrayLike, columns: ArrayLike) -> NDArray[np.float64]:
    """q = R_sample^T k (u - x) of voxels with each frame's own angles and energy: (..., 3), 1/m, sample frame.

    frames, rows, columns  raw indices of `curve`, whole or fractional, that broadcast to a common shape (...)
    Between frames, and for those that were not measured, positions are interpolated; beyond the ends of the scan they
    go on by its mean step.
    """
    at = np.asarray(frames, np.float64)
    angles = {name: _positions(curve, values, at) for name, values in curve.angles_deg.items()}
    energy = curve.energy_eV if curve.energies_eV is None else _positions(curve, curve.energies_eV, at)
    return q_of(curve.diffractometer, curve.detector, angles, rows, columns, energy)


def linearisation_error(
    curve: RockingCurve,
    peak_px: Vector,
    crop_start_px: tuple[int, int, int],
    shape: Sequence[int],
    binning: Sequence[int] = (1, 1, 1),
) -> float:
    """max |q - (q_peak + M (ijk - ijk_peak))| / L over the volume, L the longest of its diagonals; no unit.

    The volume has `shape` voxels of `binning` raw ones and begins at raw `crop_start_px`. Looked at are its corners,
    the middles of its edges and faces, and its center: the error is of second order, and largest at a corner. The
    jitter of the scanned motor counts.
    """
    q_bragg, q_step = bragg_geometry(curve, peak_px)
    size = np.asarray(shape, np.float64)
    raw = _raw(np.array(list(product((0.0, 0.5, 1.0), repeat=3))) * (size - 1.0), crop_start_px, binning)
    error = exact_q(curve, *raw.T) - (q_bragg + (raw - peak_px) @ q_step.T)
    diagonals = np.array([(1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1)]) * size * binning
    longest = np.linalg.norm(diagonals @ q_step.T, axis=1).max()
    return float(np.linalg.norm(error, axis=1).max() / longest)


def placed(volume: PreparedVolume, curve: RockingCurve) -> PreparedVolume:
    """`volume` with energy_eV, sample_to_lab and linearisation_error, and flagged where the last one matters.

    It matters where voxels that hold signal lie more than one voxel from where the linear geometry has them.
    """
    frame = volume.peak_px[0]
    error = linearisation_error(curve, volume.peak_px, volume.crop_start_px, volume.intensity.shape, volume.binning)
    shift = _signal_shift_voxels(volume, curve)
    told = (
        f"the geometry is not linear over the window: voxels with signal lie up to {shift:.1f} voxels off their place; "
        "take a smaller window (recipe.largest_px) or a shorter scan",
    )
    return replace(
        volume,
        energy_eV=energy_at(curve, frame),
        sample_to_lab=rotation_product(curve.diffractometer.sample_circles, angles_at(curve, frame)),
        linearisation_error=error,
        flags=(*volume.flags, *(told if shift > MOST_SHIFT_VOXELS else ())),
    )


def _signal_shift_voxels(volume: PreparedVolume, curve: RockingCurve) -> float:
    """|M^-1 (q - linear q)| in voxels of the volume, where it is largest among the voxels that hold signal."""
    voxels = np.argwhere(volume.intensity >= SIGNAL_COUNTS)
    voxels = voxels[:: max(1, len(voxels) // MOST_VOXELS)]
    if not len(voxels):
        return 0.0
    raw = _raw(voxels, volume.crop_start_px, volume.binning)
    steps = (raw - volume.peak_px) / volume.binning
    error = exact_q(curve, *raw.T) - (volume.q_bragg_per_m + steps @ volume.q_step_per_m.T)
    shift = np.linalg.norm(error @ np.linalg.inv(volume.q_step_per_m).T, axis=1)
    return float(np.percentile(shift, SIGNAL_PERCENT))


def _raw(index: ArrayLike, start: Sequence[int], binning: Sequence[int]) -> NDArray[np.float64]:
    """Middles of voxels (n, 3) in raw (frame, row, column)."""
    bins = np.asarray(binning, np.float64)
    return np.asarray(np.asarray(start) + np.asarray(index, np.float64) * bins + (bins - 1.0) / 2.0)


def _positions(curve: RockingCurve, values: FloatArray, frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """`values` (n_frames,) at fractional `frames`, by those frames that are measured and have a position."""
    known = np.flatnonzero(curve.measured & np.isfinite(values))
    at = np.asarray(values, np.float64)[known]
    if len(known) < 2:
        return np.full(frames.shape, at[0])
    beyond = frames - np.clip(frames, known[0], known[-1])
    return np.asarray(np.interp(frames, known, at) + beyond * (at[-1] - at[0]) / (known[-1] - known[0]))
