"""A rocking curve of a planned crystal, through the true geometry of a beamline and all that is wrong with a scan."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from braggline_models.geometry import bragg_geometry, voxel_vectors_m
from braggline_models.geometry.lattice import Indices
from braggline_models.scan import PreparedVolume, RockingCurve
from braggline_models.simulate.box import Box, box_around
from braggline_models.simulate.curve import SimulatedTruth, check_sampling, empty_curve
from braggline_models.simulate.detector import Seen, seen_by_detector
from braggline_models.simulate.flaws import DetectorFlaws
from braggline_models.simulate.model import axes_along, density_and_phase, drawn_model
from braggline_models.simulate.plan import CrystalPlan, ScanPlan
from braggline_models.simulate.planted import PlantedDefect, Site, drawn_site, told
from braggline_models.simulate.polyhedron import REACH
from braggline_models.simulate.spectrum import amplitude, blurred, object_of, scaled

FINER = 2
NO_FLAWS = DetectorFlaws()


@dataclass(frozen=True)
class PlannedCrystal:
    """psi complex64 in `box`, whose steps are `finer` times smaller than vectors_m (3, 3);  axes  as in ScanTruth."""

    plan: CrystalPlan
    psi: NDArray[np.complex64]
    box: Box
    vectors_m: NDArray[np.float64]
    axes: NDArray[np.float64]
    sites: tuple[Site, ...]

    def told(self, middle: NDArray[np.int_]) -> tuple[PlantedDefect, ...]:
        """Its defects in voxels of vectors_m, the crystal's centroid at voxel `middle`."""
        plan = self.plan
        return tuple(told(s, plan.reflection, self.axes, self.vectors_m, middle, plan.size_m) for s in self.sites)


def planned_crystal(
    plan: CrystalPlan,
    vectors_m: NDArray[np.float64],
    q_bragg_per_m: NDArray[np.float64],
    finer: int,
    rng: np.random.Generator,
    field: np.random.Generator,
) -> PlannedCrystal:
    """The crystal with its reflection along Q, on a grid `finer` than vectors_m. BadInput: it sees no such defect."""
    axes = axes_along(plan.reflection, q_bragg_per_m, rng)
    sites = [drawn_site(kind, seen, plan.reflection, axes, plan.size_m, rng) for kind, seen in plan.wanted]
    model = drawn_model(
        plan.range_, plan.shape, plan.material, plan.reflection, axes, plan.size_m, plan.phase_range_rad, sites, rng
    )
    box = box_around(vectors_m / finer, REACH * plan.size_m, finer)
    density, phase = density_and_phase(model, box, field)
    return PlannedCrystal(plan, density * np.exp(1j * phase), box, vectors_m, axes, model.sites)


@dataclass(frozen=True)
class ScanTruth(SimulatedTruth):
    """And what was planted: axes (3, 3), columns are [100], [010], [001] in the sample frame at the peak.

    defects  in voxels of object_, whose steps are the columns of vectors_m (3, 3), m, in the sample frame
    seen     what is not the crystal's in the frames
    """

    material: str
    reflection: Indices
    axes: NDArray[np.float64]
    vectors_m: NDArray[np.float64]
    defects: tuple[PlantedDefect, ...]
    seen: Seen


def simulate_scan(
    scan: ScanPlan,
    plan: CrystalPlan,
    photons: float,
    seed: int,
    flaws: DetectorFlaws = NO_FLAWS,
    coherence_sigma_px: tuple[float, float, float] = (0.0, 0.0, 0.0),
    monitored: bool = True,
) -> tuple[RockingCurve, ScanTruth]:
    """Counts of the planned crystal: its grid is finer than the window's, which shows the inner part of its spectrum.

    The crystal's reflection lies along the exact q of the peak; `photons` in the window of a still beam, before gaps
    and flaws. A finite saturation becomes the detector's. Raises BadInput where the crystal is undersampled, or the
    reflection sees no such defect.
    """
    shape_rng, field_rng, rng = np.random.default_rng(seed).spawn(3)
    empty = empty_curve(scan)
    side = min(scan.window_px, *scan.detector.shape_px)
    corner = tuple(int(np.clip(p - side // 2, 0, n - side)) for p, n in zip(scan.peak_px, scan.mask.shape, strict=True))
    shape = (scan.n_frames, side, side)
    peak = (float(scan.n_frames // 2), *(float(c + side // 2) for c in corner))
    q_bragg, q_step = bragg_geometry(empty, peak)  # type: ignore[arg-type]
    vectors_m = voxel_vectors_m(q_step, shape)
    check_sampling(plan.size_m, np.linalg.norm(np.linalg.inv(vectors_m), axis=1), shape)
    crystal = planned_crystal(plan, vectors_m, q_bragg, FINER, shape_rng, field_rng)
    spectrum = amplitude(crystal.psi, crystal.box, shape, FINER)
    intensity = np.square(spectrum.real) + np.square(spectrum.imag)
    expected = scaled(blurred(intensity, coherence_sigma_px), photons)
    seen = seen_by_detector(expected, rng, flaws, scan.mask, (corner[0], corner[1]))
    detector = scan.detector
    if np.isfinite(flaws.saturation):
        detector = replace(detector, saturation_counts=flaws.saturation)
    curve = replace(
        empty, name=f"simulated_{seed}", intensity=seen.counts, detector=detector,
        monitor=seen.beam.monitor if monitored else None, exposure_s=0.1,
    )  # fmt: skip
    volume = PreparedVolume(
        curve.name, expected, np.zeros(shape, bool), (0, corner[0], corner[1]), (1, 1, 1), peak, q_bragg, q_step,  # type: ignore[arg-type]
        frames_expected=scan.n_frames, frames_used=scan.n_frames,
    )  # fmt: skip
    return curve, ScanTruth(
        object_of(spectrum, FINER), volume, plan.material, plan.reflection, crystal.axes, vectors_m,
        crystal.told(np.array(shape) // 2), seen,
    )  # fmt: skip
