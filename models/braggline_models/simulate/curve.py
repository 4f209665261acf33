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
from braggline_models.simulate.plan import ScanPlan

MOST_FILLED = 0.6  # of the field of view: phase retrieval needs 0.5
FEWEST_VOXELS = 4  # across a crystal: fewer have no shape
REACH = 0.75  # of size_m from the center: no corner of the polyhedron is farther


@dataclass(frozen=True)
class SimulatedTruth:
    """What the curve was made from: the object and the noiseless volume with its geometry, on the object's grid."""

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
    finer: int = 1,
) -> tuple[RockingCurve, SimulatedTruth]:
    """Counts of a faceted crystal with a smooth displacement, in the linearised geometry of a true detector.

    bragg_deg: every circle at the peak, which lies in the middle frame and at the detector's middle, or that of its
    first quarter where a gap runs through the middle. The object lives on the grid of a window of window_px around
    it, larger than what a reconstruction cuts out, or on one that many times finer, whose outer spectrum no frame
    shows: its edges are then sharper than any reconstruction can be. `photons` on the window, gaps included.
    Raises BadInput where a circle has no angle, the rocking circle is none, or the crystal is undersampled.
    """
    rng = np.random.default_rng(seed)
    scan = ScanPlan(diffractometer, detector, mask, bragg_deg, rocking, step_deg, n_frames, energy_eV, window_px)
    empty = empty_curve(scan)
    side = min(window_px, *detector.shape_px)
    row, column = scan.peak_px
    peak = (float(n_frames // 2), float(row), float(column))
    corner = (0, row - side // 2, column - side // 2)
    q_bragg, q_step = bragg_geometry(empty, peak)
    shape = (n_frames * finer, side * finer, side * finer)
    margin = (shape[0] // 2 - n_frames // 2, shape[1] // 2 - side // 2, shape[2] // 2 - side // 2)
    seen = tuple(slice(m, m + n) for m, n in zip(margin, (n_frames, side, side), strict=True))
    object_ = _object(voxel_vectors_m(q_step, shape), shape, size_m, phase_range_rad, rng)
    expected = expected_counts(object_, photons)
    expected *= np.float32(photons / expected[seen].sum(dtype=np.float64))
    frames = np.zeros((n_frames, *detector.shape_px), np.uint32)
    frames[:, corner[1] : corner[1] + side, corner[2] : corner[2] + side] = photon_counts(expected[seen], rng)
    frames[:, mask] = 0
    curve = RockingCurve(
        f"simulated_{seed}", frames, mask, np.ones(n_frames, bool), empty.angles_deg, energy_eV, detector,
        diffractometer, exposure_s=0.1,
    )  # fmt: skip
    start = (corner[0] - margin[0], corner[1] - margin[1], corner[2] - margin[2])
    volume = PreparedVolume(
        curve.name, expected, np.zeros(shape, bool), start, (1, 1, 1), peak, q_bragg, q_step,
        frames_expected=n_frames, frames_used=n_frames,
    )  # fmt: skip
    return curve, SimulatedTruth(object_, volume)


def _object(
    vectors_m: NDArray[np.float64],
    shape: tuple[int, int, int],
    size_m: float,
    phase_range_rad: float,
    rng: np.random.Generator,
) -> NDArray[np.complex64]:
    inverse = np.linalg.norm(np.linalg.inv(vectors_m), axis=1)  # voxels a meter, along each axis of the grid
    check_sampling(size_m, inverse, shape)
    reach = np.ceil(REACH * size_m * inverse).astype(int)
    box = tuple(slice(n // 2 - k, n // 2 + k + 1) for n, k in zip(shape, reach, strict=True))
    index = np.stack(np.meshgrid(*(np.arange(-k, k + 1) for k in reach), indexing="ij"), axis=-1)
    points_m = index @ vectors_m.T
    voxel_m = float(np.cbrt(abs(np.linalg.det(vectors_m))))
    density = faceted_crystal(points_m, size_m, voxel_m, rng)
    phase = smooth_field(points_m, density > 0.5, size_m, phase_range_rad, rng)
    object_ = np.zeros(shape, np.complex64)
    object_[box] = density * np.exp(1j * phase)
    return object_


def check_sampling(size_m: float, voxels_per_m: NDArray[np.float64], shape: tuple[int, int, int]) -> None:
    """BadInput where the crystal fills too much of the field of view, or too few voxels."""
    remedies = ("take finer steps", "move the detector away", "move the detector away")
    for per_m, n, axis, remedy in zip(voxels_per_m, shape, ("frames", "rows", "columns"), remedies, strict=True):
        if size_m * per_m > MOST_FILLED * n:
            raise BadInput(
                f"a crystal of {1e9 * size_m:.0f} nm is undersampled along the {axis}: "
                f"the field of view is {1e9 * n / per_m:.0f} nm; {remedy}, or make it smaller"
            )
        if size_m * per_m < FEWEST_VOXELS:
            raise BadInput(
                f"a crystal of {1e9 * size_m:.0f} nm has less than {FEWEST_VOXELS} voxels along the {axis}: "
                f"the frames cover too little of q; rock farther about a circle that turns Q, or make it larger"
            )


def empty_curve(scan: ScanPlan) -> RockingCurve:
    """The scan without its counts. BadInput where a circle has no angle, or the rocking circle is none."""
    circles, bragg_deg, n = scan.diffractometer, scan.bragg_deg, scan.n_frames
    if missing := [name for name in circles.circle_names if name not in bragg_deg]:
        raise BadInput(f"no Bragg angle of circle {', '.join(missing)} of '{circles.name}'; give one in deg")
    if scan.rocking not in (sample := [circle.name for circle in circles.sample_circles]):
        raise BadInput(f"'{scan.rocking}' is no sample circle of '{circles.name}'; rock one of {', '.join(sample)}")
    angles = {name: np.full(n, float(bragg_deg[name])) for name in circles.circle_names}
    angles[scan.rocking] = bragg_deg[scan.rocking] + (np.arange(n) - n // 2) * scan.step_deg
    nothing = np.broadcast_to(np.zeros(1, np.uint8), (n, *scan.detector.shape_px))
    measured = np.ones(n, bool)
    return RockingCurve("simulated", nothing, scan.mask, measured, angles, scan.energy_eV, scan.detector, circles)
