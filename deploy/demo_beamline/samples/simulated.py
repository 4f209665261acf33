"""A simulated platinum crystal with one screw dislocation that (111) sees. Needs no file."""

from __future__ import annotations

import numpy as np

from braggline_models.geometry import bragg_geometry, voxel_vectors_m
from braggline_models.simulate import CrystalPlan, ScanPlan, planned_crystal
from braggline_models.simulate.curve import empty_curve
from braggline_models.simulate.scan_of import PlannedCrystal
from demo_beamline.samples.at_home import ENERGY_eV, at_home
from demo_beamline.samples.crystal import CrystalSample
from demo_beamline.samples.detectors import DetectorModel
from demo_beamline.samples.platinum import HOME, peak, window
from demo_beamline.samples.projection import Projection

VOLUME_SHAPE = (128, 210, 210)
FINER = 2  # the crystal's grid, whose whole spectrum the detector may see
PLAN = CrystalPlan("Pt", (1, 1, 1), size_m=300e-9, phase_range_rad=2.0, defects=("screw",))
STEP_DEG = 0.0165
COUNTS = 1.0e7


def crystal(detector: DetectorModel, seed: int) -> PlannedCrystal:
    """The crystal on the grid that is conjugate to `detector` and eta, by the exact circles of ID01 at HOME."""
    circles, posed, angles = at_home(detector)
    nothing = np.zeros(detector.shape_px, bool)
    scan = ScanPlan(circles, posed, nothing, angles, "eta", STEP_DEG, VOLUME_SHAPE[0], ENERGY_eV)
    q_bragg, q_step = bragg_geometry(empty_curve(scan), (float(VOLUME_SHAPE[0] // 2), *peak(detector)))
    vectors_m = voxel_vectors_m(q_step, window(detector, VOLUME_SHAPE))
    shape_rng, field_rng = np.random.default_rng((seed, 12)).spawn(2)
    return planned_crystal(PLAN, vectors_m, q_bragg, FINER, shape_rng, field_rng)


def simulated(detector: DetectorModel, seed: int) -> CrystalSample:
    """The crystal before `detector`, at the motor positions of the platinum one."""
    frames, rows, columns = window(detector, VOLUME_SHAPE)
    return CrystalSample(
        "simulated",
        Projection(np.conj(crystal(detector, seed).psi), (FINER * frames, FINER * rows, FINER * columns)),
        HOME,
        detector,
        peak(detector),
        STEP_DEG,
        intervals=127,
        counts=COUNTS,
        seed=seed,
        energy_eV=ENERGY_eV,
    )
