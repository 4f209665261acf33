"""A whole rocking curve of a known crystal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.geometry import bragg_geometry, voxel_vectors_m
from braggline_models.scan import BoolArray, Detector, Diffractometer, PreparedVolume, RockingCurve
from braggline_models.simulate.crystal import faceted_crystal, smooth_field
from braggline_models.simulate.diffraction import expected_counts, photon_counts


@dataclass(frozen=True)
class SimulatedTruth:
    """What the curve was made from: the object and the noiseless volume with its geometry."""

    object_: NDArray[np.complex64]
    volume: PreparedVolume


def simulate_curve(
    diffractometer: Diffractometer,
    detector: Detector,
    mask: BoolArray,
    bragg_deg: Mapping[str, float],
    rocking: str,
    step_deg: float,
    n_frames: int,
    energy_eV: float,
    size_m: float,
    phase_range_rad: float,
    photons: float,
    seed: int,
    window_px: int = 200,
) -> tuple[RockingCurve, SimulatedTruth]:
    """Counts of a faceted crystal with a smooth displacement, in the linearised geometry of a true detector.

    bragg_deg: every circle at the peak, which lies in the middle frame and at the detector's middle, or that of its
    first quarter where a gap runs through the middle. The object lives on the grid of a window of window_px around
    it, larger than what a reconstruction cuts out. `photons` in all.
    """
    rng = np.random.default_rng(seed)
    empty = _empty_curve(diffractometer, detector, mask, bragg_deg, rocking, step_deg, n_frames, energy_eV)
    side = min(window_px, *detector.shape_px)
    peak = (n_frames // 2, *_free_middle(mask))
    start = (0, peak[1] - side // 2, peak[2] - side // 2)
    q_bragg, q_step = bragg_geometry(empty, (float(peak[0]), float(peak[1]), float(peak[2])))
    shape = (n_frames, side, side)
    object_ = _object(voxel_vectors_m(q_step, shape), shape, size_m, phase_range_rad, rng)
    expected = expected_counts(object_, photons)
    frames = np.zeros((n_frames, *detector.shape_px), np.uint32)
    frames[:, start[1] : start[1] + side, start[2] : start[2] + side] = photon_counts(expected, rng)
    frames[:, mask] = 0
    curve = RockingCurve(
        f"simulated_{seed}", frames, mask, np.ones(n_frames, bool), empty.angles_deg, energy_eV, detector,
        diffractometer, exposure_s=0.1,
    )  # fmt: skip
    volume = PreparedVolume(
        curve.name, expected, np.zeros(shape, bool), start, (1, 1, 1), (float(peak[0]), float(peak[1]), float(peak[2])),
        q_bragg, q_step, frames_expected=n_frames, frames_used=n_frames,
    )  # fmt: skip
    return curve, SimulatedTruth(object_, volume)


def _free_middle(mask: BoolArray) -> tuple[int, int]:
    rows, columns = mask.shape
    return (rows // 4, columns // 4) if mask[rows // 2, columns // 2] else (rows // 2, columns // 2)


def _object(
    vectors_m: NDArray[np.float64],
    shape: tuple[int, int, int],
    size_m: float,
    phase_range_rad: float,
    rng: np.random.Generator,
) -> NDArray[np.complex64]:
    field_m = np.abs(vectors_m * np.asarray(shape)).max()
    if np.any(size_m > 0.6 * np.linalg.norm(vectors_m * np.asarray(shape), axis=0)):
        raise BadInput(
            f"a crystal of {size_m:g} m is undersampled: the field of view is {field_m:g} m; take finer steps"
        )
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij"), axis=-1)
    near = np.all(np.abs(index) * np.linalg.norm(vectors_m, axis=0) <= 1.2 * size_m, axis=-1)
    points_m = index[near] @ vectors_m.T
    voxel_m = float(np.cbrt(abs(np.linalg.det(vectors_m))))
    density = faceted_crystal(points_m, size_m, voxel_m, rng)
    phase = smooth_field(points_m, density > 0.5, size_m, phase_range_rad, rng)
    object_ = np.zeros(shape, np.complex64)
    object_[near] = density * np.exp(1j * phase)
    return object_


def _empty_curve(
    diffractometer: Diffractometer,
    detector: Detector,
    mask: BoolArray,
    bragg_deg: Mapping[str, float],
    rocking: str,
    step_deg: float,
    n_frames: int,
    energy_eV: float,
) -> RockingCurve:
    angles = {name: np.full(n_frames, float(bragg_deg[name])) for name in diffractometer.circle_names}
    angles[rocking] = bragg_deg[rocking] + (np.arange(n_frames) - n_frames // 2) * step_deg
    nothing = np.broadcast_to(np.zeros(1, np.uint8), (n_frames, *detector.shape_px))
    measured = np.ones(n_frames, bool)
    return RockingCurve("simulated", nothing, mask, measured, angles, energy_eV, detector, diffractometer)
