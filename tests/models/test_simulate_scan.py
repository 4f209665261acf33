"""Scans of planned crystals by law: in the exact geometry, with their defects where the truth says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from braggline_models.defects import find_lines
from braggline_models.errors import BadInput
from braggline_models.geometry import check_reflection, q_of
from braggline_models.geometry.materials import material
from braggline_models.results import Quality, Reconstruction
from braggline_models.scan import Circle, Detector, Diffractometer, RockingCurve
from braggline_models.simulate import CrystalPlan, DetectorFlaws, ScanPlan, ScanTruth, bragg_angles_deg, simulate_scan
from braggline_models.simulate.scan_of import planned_crystal
from braggline_models.strain import MapOptions, strain_field

ID01 = Diffractometer(
    "id01",
    (Circle("eta", (0, -1, 0)), Circle("phi", (0, 0, -1))),
    (Circle("nu", (0, 0, -1)), Circle("delta", (0, -1, 0))),
    (0, 0, -1),
    (0, 1, 0),
)
DETECTOR = Detector("maxipix", (64, 64), (110e-6, 110e-6), 0.5, (30.0, 30.0))
NO_GAP = np.zeros(DETECTOR.shape_px, bool)
SMALL = CrystalPlan(size_m=200e-9)
ENERGY_eV = 9000.0


def plan_of(crystal: CrystalPlan = SMALL, step_deg: float = 0.012, mask: np.ndarray = NO_GAP) -> ScanPlan:
    angles = bragg_angles_deg(crystal, ID01, DETECTOR, (32, 32), ENERGY_eV)
    return ScanPlan(ID01, DETECTOR, mask, angles, "eta", step_deg, 40, ENERGY_eV, window_px=48)


def simulated(
    crystal: CrystalPlan = SMALL,
    flaws: DetectorFlaws | None = None,
    seed: int = 2,
    photons: float = 1e6,
    **scan: object,
) -> tuple[RockingCurve, ScanTruth]:
    return simulate_scan(plan_of(crystal, **scan), crystal, photons, seed, flaws or DetectorFlaws())  # type: ignore[arg-type]


@pytest.mark.parametrize("hkl", [(1, 1, 1), (0, 0, 2), (2, -2, 0)])
def test_the_peak_is_that_of_the_reflection(hkl: tuple[int, int, int]) -> None:
    crystal = replace(SMALL, material="Au", reflection=hkl, size_m=150e-9)
    curve, truth = simulated(crystal)
    q = truth.volume.q_bragg_per_m
    a = material("Au").lattice_parameter_m
    assert np.linalg.norm(q) == pytest.approx(2 * np.pi * np.linalg.norm(hkl) / a, rel=1e-6)
    np.testing.assert_allclose(2 * np.pi / a * truth.axes @ np.array(hkl), q, rtol=1e-6, atol=1.0)
    assert check_reflection(q, hkl, a) is None
    total = curve.intensity.sum(axis=(1, 2), dtype=float)
    assert abs(float(total @ np.arange(40) / total.sum()) - 20) < 1.0


def test_counts_are_those_of_a_sum_over_points_in_the_exact_geometry() -> None:
    """|sum rho exp(-i (q - Q).r - i Q.u)|^2 with an edge dislocation, with the exact q of each pixel and frame."""
    crystal = CrystalPlan(size_m=110e-9, defects=("edge",))
    curve, truth = simulated(crystal)
    shape_rng, field_rng, _ = np.random.default_rng(2).spawn(3)
    planned = planned_crystal(crystal, truth.vectors_m, truth.volume.q_bragg_per_m, 2, shape_rng, field_rng)
    inside = np.abs(planned.psi) > 0
    points, scatterers = planned.box.points[inside], np.conj(planned.psi[inside])
    rows, columns = np.meshgrid(np.arange(22, 42), np.arange(22, 42), indexing="ij")
    summed = []
    for frame in range(8, 32, 4):
        angles = {name: float(values[frame]) for name, values in curve.angles_deg.items()}
        q = q_of(ID01, DETECTOR, angles, rows, columns, ENERGY_eV).reshape(-1, 3)
        wave = np.exp(-1j * ((q - truth.volume.q_bragg_per_m) @ points.T).astype(np.float32))
        summed.append(np.abs(wave @ scatterers).reshape(20, 20) ** 2)
    exact = np.stack(summed)
    linear = truth.volume.intensity[8:32:4, 14:34, 14:34]
    exact *= linear.sum(dtype=np.float64) / exact.sum()
    assert np.abs(np.sqrt(exact) - np.sqrt(linear)).sum() < 0.05 * np.sqrt(linear).sum(dtype=np.float64)
    wrong = exact[::-1, ::-1, ::-1]
    assert np.abs(np.sqrt(wrong) - np.sqrt(linear)).sum() > 0.15 * np.sqrt(linear).sum(dtype=np.float64)


@pytest.mark.parametrize("kind", ["screw", "edge", "mixed"])
def test_a_line_is_found_in_the_sample_frame_where_it_was_planted(kind: str) -> None:
    """From the object as it can be known, through the maps, to the line: place, direction and g.b."""
    _, truth = simulated(CrystalPlan(size_m=260e-9, defects=(kind,), phase_range_rad=1.0), step_deg=0.008)
    (planted,) = truth.defects
    quality = Quality(0.0, 0.0, 1.0, 1.0, np.ones(1), np.ones(1), 1e-9, 1, 1)
    runs = np.empty((0, *truth.object_.shape), np.complex64)
    known = Reconstruction(truth.object_, np.abs(truth.object_) > 0.5, runs, quality, {}, 0, 0, True)
    field = strain_field(known, truth.volume, MapOptions(apodisation=0.0))
    (line,) = find_lines(field).lines
    assert line.g_dot_b == abs(planted.g_dot_b) == 1.0
    along = truth.vectors_m @ planted.direction
    along *= np.sign(planted.g_dot_b) / np.linalg.norm(along)
    assert along @ line.direction > 0.97
    at_m = (line.position_m - np.array(field.support.shape) // 2 * field.voxel_size_m)[:, ::-1]
    away = at_m - truth.vectors_m @ (planted.point - np.array(truth.object_.shape) // 2)
    across = away - np.outer(away @ along, along)
    assert np.linalg.norm(across, axis=1).mean() < 1.5 * field.voxel_size_m


def test_what_the_reflection_does_not_see_is_planted_all_the_same() -> None:
    plain = simulated(replace(SMALL, phase_range_rad=0.0))[1]
    with_line = simulated(replace(SMALL, phase_range_rad=0.0, defects=("invisible-screw",)))[1]
    (line,) = with_line.defects
    assert (line.kind, line.visible, line.g_dot_b) == ("screw", False, 0.0)
    assert plain.defects == ()
    assert np.ptp(np.angle(with_line.object_[np.abs(with_line.object_) > 0.5])) < 0.1


def test_flaws_are_in_the_whole_detector_and_in_the_truth() -> None:
    mask = NO_GAP.copy()
    mask[:, 3:6] = True
    flaws = DetectorFlaws(
        hot_pixels=4, dead_pixels=3, zingers_per_frame=0.5, alien_strengths=(0.1,), background=0.2, saturation=2e3,
        flux_noise=0.05, drift=0.5, jitter_steps=0.1,
    )  # fmt: skip
    curve, truth = simulated(flaws=flaws, mask=mask)
    seen = truth.seen
    assert curve.intensity.shape == (40, 64, 64)
    assert (seen.hot.sum(), seen.dead.sum()) == (4, 3)
    assert not curve.intensity[:, mask | seen.dead].any()
    assert curve.intensity.max() == curve.detector.saturation_counts == 2e3
    assert seen.saturated.sum() > 10
    assert seen.zinger.any()
    assert curve.monitor is not None
    assert np.corrcoef(curve.monitor, seen.beam.flux)[0, 1] > 0.99
    outside = curve.intensity[:, :4, 20:50]
    assert outside.mean() == pytest.approx(0.2, rel=0.2)
    rows, columns = np.nonzero(seen.hot)
    assert (curve.intensity[:, rows, columns].mean(axis=0) > 1.0).all()


def test_the_same_seed_gives_the_same_scan_and_the_flaws_leave_the_crystal_alone() -> None:
    first, again = simulated(), simulated()
    np.testing.assert_array_equal(first[0].intensity, again[0].intensity)
    spoilt = simulated(flaws=DetectorFlaws(hot_pixels=4, jitter_steps=0.2))
    np.testing.assert_array_equal(first[1].object_, spoilt[1].object_)
    assert first[1].volume.intensity.sum(dtype=float) == pytest.approx(1e6, rel=1e-4)
    assert first[0].intensity.sum() == pytest.approx(1e6, abs=5e3)


def test_partial_coherence_lowers_the_contrast_of_the_fringes() -> None:
    sharp, blunt = (
        simulate_scan(plan_of(), replace(SMALL, phase_range_rad=0.0), 1e7, 2, DetectorFlaws(), (s,) * 3)[1].volume
        for s in (0.0, 0.7)
    )
    assert sharp.intensity.sum(dtype=float) == pytest.approx(blunt.intensity.sum(dtype=float), rel=1e-3)
    line = (20, 24)
    assert blunt.intensity[line].min() > 3 * sharp.intensity[line].min()


def test_what_cannot_be_simulated_is_said() -> None:
    for changes, words in (
        ({"reflection": (1, 1, 2)}, "1 1 2 does not exist in an fcc metal"),
        ({"material": "Fe"}, "material 'Fe' is unknown"),
        ({"shape": "ball"}, "shape 'ball' is unknown; take one of wulff"),
        ({"defects": ("loop",)}, "defect 'loop' is unknown"),
        ({"size_m": 0.0}, "give numbers above 0"),
    ):
        with pytest.raises(BadInput, match=words):
            replace(SMALL, **changes)
    with pytest.raises(BadInput, match="no stacking_fault is invisible in 2 0 0"):
        simulated(replace(SMALL, reflection=(2, 0, 0), defects=("invisible-stacking_fault",)))
    with pytest.raises(BadInput, match=r"undersampled along the frames.*finer steps"):
        simulated(step_deg=0.2)
    with pytest.raises(BadInput, match="Pt 1 1 1 is out of reach at 2000 eV"):
        bragg_angles_deg(SMALL, ID01, DETECTOR, (32, 32), 2000.0)
    elsewhere = replace(ID01, sample_circles=(Circle("theta", (0, -1, 0)),))
    with pytest.raises(BadInput, match="has no circles eta and delta"):
        bragg_angles_deg(SMALL, elsewhere, DETECTOR, (32, 32), ENERGY_eV)
