"""Training crystals by law: what is planted is in the phase, what is counted is what was asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.fft

from braggline_models.simulate import CrystalRange, DrawnCrystal, drawn_crystal
from braggline_models.simulate.box import Box
from braggline_models.simulate.spectrum import amplitude

CALM = CrystalRange(phase_range_rad=(0.0, 0.0), coherence_sigma_px=(0.0, 0.0), second_defect=0.0, invisible=0.0)
NONE = replace(CALM, defects=(("none", 1.0),))


def one(range_: CrystalRange, seed: int = 3, n: int = 32) -> DrawnCrystal:
    return drawn_crystal(n, np.random.default_rng(seed), range_)


def of(kind: str, **changes: object) -> CrystalRange:
    return replace(CALM, defects=((kind, 1.0),), **changes)  # type: ignore[arg-type]


def winding(crystal: DrawnCrystal, radius: float) -> float:
    """Turns of the planted phase on a circle about the first defect's line, right-handed in space, near the center."""
    defect = crystal.defects[0]
    to_space = crystal.vectors_m / np.cbrt(np.linalg.det(crystal.vectors_m))
    along = to_space @ defect.direction
    along /= np.linalg.norm(along)
    x = np.cross(along, np.eye(3)[np.argmin(np.abs(along))])
    x /= np.linalg.norm(x)
    angle = np.linspace(0, 2 * np.pi, 73)
    ring = radius * (np.outer(np.cos(angle), x) + np.outer(np.sin(angle), np.cross(along, x)))
    middle = defect.point
    voxels = np.rint(ring @ np.linalg.inv(to_space).T + middle).astype(int)
    assert crystal.support[tuple(voxels.T)].all()
    psi = crystal.object_[tuple(voxels.T)]
    return float(np.angle(psi[1:] * np.conj(psi[:-1])).sum() / (2 * np.pi))


@pytest.mark.parametrize("kind", ["screw", "edge", "mixed"])
def test_the_phase_of_a_dislocation_winds_by_g_b(kind: str) -> None:
    """In the object as a perfect reconstruction would have it, cropped in q."""
    for seed, hkl in ((3, (1, 1, 1)), (4, (2, 0, 0)), (5, (2, 2, 0))):
        crystal = one(of(kind, reflections=(hkl,), size=(0.42, 0.42)), seed, n=64)
        (defect,) = crystal.defects
        assert defect.kind == kind
        assert defect.g_dot_b == pytest.approx(np.dot(hkl, defect.burgers))
        assert winding(crystal, 3.0) == pytest.approx(defect.g_dot_b, abs=1e-5)


def test_an_invisible_dislocation_is_in_the_truth_and_not_in_the_phase() -> None:
    crystal = one(of("screw", invisible=1.0))
    (defect,) = crystal.defects
    assert (defect.kind, defect.g_dot_b, defect.visible) == ("screw", 0.0, False)
    assert np.ptp(crystal.phase_rad[crystal.support]) < 1e-4
    assert np.linalg.norm(defect.burgers) == pytest.approx(np.sqrt(0.5))


def test_a_stacking_fault_is_a_step_of_a_third_of_a_turn() -> None:
    crystal = one(of("stacking_fault", reflections=((1, 1, 1),)))
    (defect,) = crystal.defects
    index = np.argwhere(crystal.support)
    side = (index - defect.point) @ defect.direction > 0
    phase = crystal.phase_rad[tuple(index.T)]
    assert np.ptp(phase[side]) < 1e-4
    assert np.ptp(phase[~side]) < 1e-4
    assert phase[side][0] - phase[~side][0] == pytest.approx(2 * np.pi * defect.g_dot_b, abs=1e-4)
    assert abs(round(3 * defect.g_dot_b)) in (1, 2)


def test_of_a_twin_the_amplitude_is_missing() -> None:
    for seed in range(6):
        with_twin, without = one(of("twin"), seed), one(NONE, seed)
        (defect,) = with_twin.defects
        index = np.argwhere(with_twin.support)
        beyond = (index - defect.point) @ defect.direction
        if np.isinf(defect.thickness):
            assert beyond.max() <= 0.5
        assert 0.1 * without.support.sum() < with_twin.support.sum() < 1.1 * without.support.sum()


def test_without_displacement_the_pattern_is_centrosymmetric_and_with_it_not() -> None:
    for range_, same in ((NONE, True), (replace(NONE, phase_range_rad=(3.0, 3.0)), False)):
        inner = one(range_).expected[1:, 1:, 1:]  # an even window has no -q of its first planes
        difference = np.abs(inner - inner[::-1, ::-1, ::-1]).max() / inner.max()
        assert (difference < 1e-5) == same


def test_counts_sum_to_the_photons_and_are_those_of_the_object() -> None:
    crystal = one(replace(CALM, phase_range_rad=(5.0, 5.0)))
    assert crystal.expected.sum(dtype=float) == pytest.approx(crystal.photons, rel=1e-4)
    assert 1e4 <= crystal.photons <= 1e8
    spectrum = scipy.fft.fftshift(scipy.fft.fftn(scipy.fft.ifftshift(np.conj(crystal.object_))))
    intensity = np.abs(spectrum) ** 2
    np.testing.assert_allclose(
        intensity / intensity.sum(), crystal.expected / crystal.photons, rtol=1e-3, atol=1e-9
    )  # fmt: skip


def test_the_smooth_phase_runs_over_its_range_and_has_no_slope() -> None:
    crystal = one(replace(NONE, phase_range_rad=(4.0, 4.0)), n=64)
    inside = crystal.support
    assert np.ptp(crystal.phase_rad[inside]) == pytest.approx(4.0, rel=0.1)
    points = np.argwhere(inside)
    basis = np.c_[np.ones(len(points)), points]
    slope = np.linalg.lstsq(basis, crystal.phase_rad[inside], rcond=None)[0][1:]
    assert np.abs(slope).max() * np.ptp(points[:, 0]) < 0.2


def test_fringes_are_as_dense_as_the_crystal_is_large() -> None:
    """The autocorrelation of the crystal ends at its diameter: the fringes' spacing is 2 pi over it."""
    for size in (0.30, 0.42):
        crystal = one(replace(NONE, size=(size, size), cut=0.0), n=64)
        auto = np.abs(scipy.fft.fftshift(scipy.fft.ifftn(crystal.expected)))
        reach = np.max(np.abs(np.argwhere(auto > 0.02 * auto.max()) - 32))
        assert 0.7 * crystal.size_voxels < reach < 1.2 * crystal.size_voxels


def test_speckles_shrink_as_crystals_grow_and_blur_lowers_their_contrast() -> None:
    small, large = (one(replace(NONE, phase_range_rad=(9.0, 9.0), size=(s, s)), n=64) for s in (0.2, 0.4))
    assert speckle_px(small) == pytest.approx(2.0 * speckle_px(large), rel=0.25)
    blurred = one(replace(NONE, phase_range_rad=(9.0, 9.0), size=(0.4, 0.4), coherence_sigma_px=(1.0, 1.0)), n=64)
    assert blurred.expected.max() / blurred.photons < 0.8 * large.expected.max() / large.photons


def speckle_px(crystal: DrawnCrystal) -> float:
    """Speckle volume^(1/3): sum over lags of the squared mutual coherence, which is that of the density."""
    auto = np.abs(scipy.fft.ifftn(crystal.expected.astype(float))) / crystal.photons
    return float((crystal.expected.size / np.count_nonzero(auto > 0.01 * auto.max())) ** (1 / 3))


def test_shape_and_field_have_their_own_seeds() -> None:
    draw = lambda shape, field: drawn_crystal(  # noqa: E731
        32, np.random.default_rng(shape), replace(CALM, phase_range_rad=(3.0, 3.0)), np.random.default_rng(field)
    )
    first, again, other_field, other_shape = draw(1, 2), draw(1, 2), draw(1, 3), draw(2, 2)
    np.testing.assert_array_equal(first.expected, again.expected)
    np.testing.assert_array_equal(first.support, other_field.support)
    assert np.abs(first.phase_rad - other_field.phase_rad).max() > 0.5
    assert (first.support != other_shape.support).any()


def test_the_grid_is_that_of_a_rocking_curve() -> None:
    """Frames step across Q, rows lean by the Bragg angle, voxels turn right-handed; a cubic grid is one of them."""
    crystal = one(replace(CALM, bragg_deg=(17.7, 17.7)))
    q = crystal.q_bragg_per_m / np.linalg.norm(crystal.q_bragg_per_m)
    steps = crystal.q_step_per_m / np.linalg.norm(crystal.q_step_per_m, axis=0)
    np.testing.assert_allclose(q @ steps, [0.0, -np.cos(np.radians(17.7)), 0.0], atol=1e-9)
    assert steps[:, 0] @ steps[:, 1] == pytest.approx(np.sin(np.radians(17.7)))
    assert np.linalg.det(crystal.vectors_m) > 0
    np.testing.assert_allclose(crystal.vectors_m.T @ crystal.q_step_per_m, 2 * np.pi / 32 * np.eye(3), atol=1e-9)
    cubic = one(replace(CALM, bragg_deg=(0.0, 0.0), steps=(1.0, 1.0), free_q=True)).vectors_m
    np.testing.assert_allclose(cubic.T @ cubic, (2 * np.pi / 32e7) ** 2 * np.eye(3), atol=1e-25)


def test_fringes_of_a_slab_are_two_pi_over_its_thickness() -> None:
    """12 voxels of a grid twice as fine: minima every 120 / 6 pixels; a step of the rocking angle aside, they shift."""
    box = Box(np.eye(3) / 2, (-8, -8, -6), (16, 16, 12))
    line = np.abs(amplitude(np.ones(box.shape, np.complex64), box, (8, 8, 120), 2)[4, 4]) ** 2
    assert int(np.argmax(line)) == 60
    minima = 60 + np.arange(20, 60, 20)
    assert line[minima].max() < 1e-6 * line[60]
    assert line[minima + 10].min() > 5e-3 * line[60]
    first_axis = np.moveaxis(np.ones(box.shape, np.complex64), 2, 0)
    turned = Box(np.eye(3) / 2, (-6, -8, -8), (12, 16, 16))
    aside = np.abs(amplitude(first_axis, turned, (120, 8, 8), 2, np.full(120, 1.0))[:, 4, 4]) ** 2
    np.testing.assert_allclose(aside[:-1], line[1:], atol=1e-4 * line[60])
