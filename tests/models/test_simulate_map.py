"""Maps by law: islands light up where they are, as the beam's footprint has it, and move as they tilt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.scan import Circle, Detector, Diffractometer
from braggline_models.simulate import (
    CrystalPlan,
    DetectorFlaws,
    Island,
    MapScene,
    MeshPlan,
    NanoBeam,
    ScanPlan,
    Specimen,
    Substrate,
    bragg_angles_deg,
    drawn_specimen,
    map_scene,
)

ID01 = Diffractometer(
    "id01",
    (Circle("eta", (0, -1, 0)), Circle("phi", (0, 0, -1))),
    (Circle("nu", (0, 0, -1)), Circle("delta", (0, -1, 0))),
    (0, 0, -1),
    (0, 1, 0),
)
DETECTOR = Detector("maxipix", (160, 160), (55e-6, 55e-6), 0.5, (80.0, 80.0))
ENERGY_eV = 9000.0
ANGLES = bragg_angles_deg(CrystalPlan(), ID01, DETECTOR, (80, 80), ENERGY_eV)
SCAN = ScanPlan(ID01, DETECTOR, np.zeros((160, 160), bool), ANGLES, "eta", 0.01, 2, ENERGY_eV)
STILL = NanoBeam(tails=0.0, flux_noise=0.0, vibration_m=0.0, drift_m=0.0)
CLEAN = Substrate(background=0.0)
PERFECT = Island(50.0, 50.0, 300e-9, (0.0, 0.0), 0.0, 0.0, (), "wulff", 3)


def scene_of(*islands: Island, beam: NanoBeam = STILL, mesh: MeshPlan | None = None, **rest: object) -> MapScene:
    specimen = Specimen("Pt", (1, 1, 1), islands, rest.pop("substrate", CLEAN))  # type: ignore[arg-type]
    flaws = rest.pop("flaws", DetectorFlaws())
    return map_scene(mesh or MeshPlan((3, 3), (0.1, 0.1)), SCAN, specimen, beam, flaws, 5)  # type: ignore[arg-type]


def center(image: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(image.shape)
    return float((rows * image).sum() / image.sum()), float((columns * image).sum() / image.sum())


def test_a_perfect_crystal_of_300_nm_counts_about_as_many_photons_as_asked_for() -> None:
    wide = replace(STILL, fwhm_m=(5e-6, 5e-6))
    scene = scene_of(PERFECT, beam=wide, mesh=MeshPlan((3, 3), (0.1, 0.1), photons=1e5))
    middle = scene.expected(4).sum(dtype=float)
    assert 0.4e5 < middle < 1.2e5, "a polyhedron of that size is a little smaller than the ball"
    twice = replace(PERFECT, size_m=450e-9)
    brighter = scene_of(twice, beam=wide, mesh=scene.plan).expected(4).sum(dtype=float)
    assert brighter / middle == pytest.approx(1.5**4, rel=0.05), "a cross section times the square of the thickness"


def test_the_footprint_of_the_beam_is_longer_along_the_beam_by_the_sine_of_eta() -> None:
    """The map of a small crystal is the beam: 1 / sin(eta) longer in pix, which runs along the beam, than in piy."""
    small = replace(PERFECT, size_m=60e-9)
    beam = replace(STILL, fwhm_m=(300e-9, 300e-9))
    scene = scene_of(small, beam=beam, mesh=MeshPlan((25, 13), (0.15, 0.1)))
    total = np.array([scene.expected(k).sum(dtype=float) for k in range(25 * 13)]).reshape(13, 25)
    pix, piy = scene.plan.axes_um
    widths = [
        np.sqrt((axis - 50.0) ** 2 @ total.sum(axis=k) / total.sum()) * np.sqrt(8 * np.log(2))
        for k, axis in enumerate((pix, piy))
    ]
    assert widths[1] == pytest.approx(0.3, rel=0.05)
    assert widths[0] / widths[1] == pytest.approx(1 / np.sin(np.radians(ANGLES["eta"])), rel=0.08)


def test_tilts_and_strain_move_the_peak_as_the_geometry_says() -> None:
    """A tilt of chi sideways moves q by |Q| chi, a strain by -Q eps, of which rows see the cosine of their lean."""
    still = scene_of(PERFECT).islands[0]
    assert np.abs(still.at).max() < 1e-6
    chi, per_radian = 0.05, 0.5 / 55e-6
    side = scene_of(replace(PERFECT, tilt_deg=(0.0, chi)))
    theta = np.radians(ANGLES["eta"])
    columns = 2 * np.sin(theta) * np.radians(chi) * per_radian
    assert abs(side.islands[0].at[2]) == pytest.approx(columns, rel=0.01)
    image = side.expected(4)
    assert center(image)[1] - 80 == pytest.approx(side.islands[0].at[2], abs=0.5)
    tilted = scene_of(replace(PERFECT, tilt_deg=(0.1, 0.0))).islands[0]
    assert abs(tilted.at[0] * scene_of(PERFECT).rocking_step_deg) == pytest.approx(0.1, rel=0.02)
    assert np.abs(tilted.at[1:]).max() < 0.5
    strained = scene_of(replace(PERFECT, strain=1e-3))
    rows = strained.islands[0].at[1]
    assert rows == pytest.approx(2 * np.tan(theta) * 1e-3 * per_radian, rel=0.01), "a larger lattice scatters by less"


def test_a_tilted_crystal_is_dimmer_and_a_far_tilted_one_dark() -> None:
    bright, dim = (scene_of(replace(PERFECT, tilt_deg=(t, 0.0))).expected(4).sum(dtype=float) for t in (0.0, 0.06))
    assert dim < 0.2 * bright
    assert scene_of(replace(PERFECT, tilt_deg=(3.0, 0.0))).islands == ()


def test_a_beam_smaller_than_the_crystal_widens_the_pattern_as_coherent_light_does() -> None:
    """Sum over maximum of |FT|^2 across the beam: lambda D / pixel over 4 pi / sqrt(2 pi) sigma, that of its spot."""
    large = replace(PERFECT, size_m=500e-9)
    fwhm_m = 120e-9
    columns = scene_of(large, beam=replace(STILL, fwhm_m=(fwhm_m, fwhm_m))).expected(4).sum(axis=0)
    field_m = 1.239841984e-6 / ENERGY_eV * 0.5 / 55e-6
    sigma_m = fwhm_m / np.sqrt(8 * np.log(2))
    assert np.sum(columns) / columns.max() == pytest.approx(
        field_m / (4 * np.pi / np.sqrt(2 * np.pi) * sigma_m), rel=0.1
    )
    flat = scene_of(large, beam=replace(STILL, fwhm_m=(3e-6, 3e-6))).expected(4).sum(axis=0)
    assert np.sum(flat) / flat.max() < 0.7 * np.sum(columns) / columns.max()


def test_the_light_adds_up_over_islands_and_the_streak_stays() -> None:
    other = replace(PERFECT, pix_um=50.4, piy_um=50.1, seed=9)
    streak = Substrate(background=0.0, streak=5.0, column_px=70.0, row_px=20.0)
    both, one, two = (scene_of(*islands).expected(5) for islands in ((PERFECT, other), (PERFECT,), (other,)))
    np.testing.assert_allclose(both, one + two, rtol=1e-4, atol=1e-6)
    lit = scene_of(substrate=streak).expected(0)
    assert np.unravel_index(int(lit.argmax()), lit.shape) == (20, 70)
    assert lit.max() == pytest.approx(5.0)
    np.testing.assert_allclose(scene_of(PERFECT, other, substrate=streak).expected(5), both + lit, rtol=1e-4, atol=1e-6)


def test_counts_are_poisson_and_the_same_for_the_same_frame() -> None:
    flaws = DetectorFlaws(hot_pixels=6, dead_pixels=5, zingers_per_frame=0.5)
    scene = scene_of(
        PERFECT, flaws=flaws, substrate=Substrate(background=0.1), mesh=MeshPlan((3, 3), (0.1, 0.1), photons=1e6)
    )
    frames = np.stack([scene.frame(k) for k in range(9)])
    np.testing.assert_array_equal(frames[4], scene.frame(4))
    assert not frames[:, scene.pixels.dead].any()
    assert (frames[:, scene.pixels.hot].mean(axis=0) > 0).all()
    assert scene.pixels.hot.sum() == 6
    good = ~(scene.pixels.hot | scene.pixels.dead)
    expected = scene.expected(4) + 0.1
    bright = good & (expected > 20)
    chi2 = np.square(frames[4][bright] - expected[bright]) / expected[bright]
    assert np.median(chi2) == pytest.approx(0.455, abs=0.1)  # of a chi squared of one degree of freedom
    assert frames[:, 140:, 140:][:, good[140:, 140:]].mean() == pytest.approx(0.1, rel=0.1)


def test_the_beam_s_flux_is_what_the_monitor_counts() -> None:
    scene = scene_of(PERFECT, beam=replace(STILL, flux_noise=0.1), mesh=MeshPlan((30, 2), (1e-4, 1e-4)))
    total = np.array([scene.expected(k).sum(dtype=float) for k in range(60)])
    assert np.corrcoef(total, scene.history.monitor)[0, 1] > 0.99
    assert total.std() / total.mean() > 0.05


def test_a_drawn_specimen_has_islands_of_all_kinds_that_do_not_overlap() -> None:
    specimen = drawn_specimen(60, (50.0, 50.0), (10.0, 10.0), np.random.default_rng(3))
    places = np.array([(i.pix_um, i.piy_um) for i in specimen.islands])
    sizes = np.array([i.size_m for i in specimen.islands])
    apart = np.linalg.norm(places[:, None] - places, axis=-1) + 1e3 * np.eye(60)
    assert (apart >= 0.5e6 * (sizes[:, None] + sizes)).all()
    assert sizes.min() >= 100e-9
    assert sizes.max() <= 500e-9
    kinds = {kind for island in specimen.islands for kind, _ in island.defects}
    assert {"screw", "edge", "mixed", "stacking_fault", "twin"} <= kinds
    assert any(not island.defects for island in specimen.islands)
    again = drawn_specimen(60, (50.0, 50.0), (10.0, 10.0), np.random.default_rng(3))
    assert again == specimen


def test_nonsense_is_refused() -> None:
    with pytest.raises(BadInput, match="islands do not fit"):
        drawn_specimen(400, (50.0, 50.0), (2.0, 2.0), np.random.default_rng(3))
    with pytest.raises(BadInput, match="2 or more"):
        MeshPlan((1, 5))
    with pytest.raises(BadInput, match="give a width above 0"):
        NanoBeam((0.0, 1e-7))
