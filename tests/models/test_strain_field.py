"""The strain field as a whole: units, what is outside, what the peak's place means, spread, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from braggline_models.errors import BadInput
from braggline_models.results import Quality, Reconstruction, StrainField
from braggline_models.scan import PreparedVolume
from braggline_models.strain import MapOptions, strain_field

SHAPE, BINNING = (32, 40, 36), (2, 1, 1)
Q_BRAGG = np.array([0.8e9, -1.2e9, 27e9])
Q_STEP = np.array([[2.2e7, 1e6, -2e6], [1e6, -0.5e6, 1.8e7], [-3e6, -2.0e7, 1e6]])  # of one binned voxel, skewed
PEAK_PX = (5.0 + 2 * 16 + 0.5, 100.0 + 20, 200.0 + 18)  # raw: the middle of the array
MAPS = ("phase_rad", "displacement_m", "strain", "uncertainty", "d_spacing_m")


def volume() -> PreparedVolume:
    nothing = np.zeros(SHAPE, np.float32)
    return PreparedVolume(
        "scan", nothing, nothing > 0, (5, 100, 200), BINNING, PEAK_PX, Q_BRAGG, Q_STEP
    )  # fmt: skip


def positions_m() -> np.ndarray:
    vectors = 2 * np.pi * np.linalg.inv(Q_STEP).T / np.array(SHAPE)
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij"), axis=-1)
    return index @ vectors.T


def reconstruction(strain: float = 0.0, runs: int = 0, noise: float = 0.0) -> Reconstruction:
    """An ellipsoid that is strained evenly: u = strain (r.Q) Q / |Q|^2."""
    points = positions_m()
    inside = np.linalg.norm(points / [50e-9, 60e-9, 45e-9], axis=-1) < 1.0
    object_ = (inside * np.exp(1j * strain * points @ Q_BRAGG)).astype(np.complex64)
    rng = np.random.default_rng(0)
    several = [object_ * np.exp(1j * noise * rng.normal(size=SHAPE)) for _ in range(runs)]
    stack = np.array(several, np.complex64).reshape(runs, *SHAPE)
    return Reconstruction(
        object_, inside, stack, Quality(0, 0, 1, 1, np.ones(1), np.ones(1), 1e-9, 1, 1), {}, 0, 1, True
    )


def field(given: Reconstruction, of: PreparedVolume | None = None) -> StrainField:
    return strain_field(given, of or volume(), MapOptions(apodisation=0.0))


def test_even_strain_is_that_everywhere() -> None:
    found = field(reconstruction(strain=2e-4))
    inside = found.strain[found.support]
    assert np.nanmedian(inside) == pytest.approx(2e-4, rel=0.01)
    assert np.nanmedian(found.d_spacing_m) == pytest.approx(2 * np.pi / np.linalg.norm(Q_BRAGG) * 1.0002, rel=1e-6)
    z, y, x = (np.indices(found.strain.shape) - np.array(found.strain.shape).reshape(3, 1, 1, 1) // 2) * (
        found.voxel_size_m
    )
    along = (x * Q_BRAGG[0] + y * Q_BRAGG[1] + z * Q_BRAGG[2]) / np.linalg.norm(Q_BRAGG)
    slope = np.polyfit(along[found.support], found.displacement_m[found.support], 1)[0]
    assert slope == pytest.approx(2e-4, rel=0.02)  # u = strain s, in m
    np.testing.assert_allclose(
        found.displacement_m[found.support], found.phase_rad[found.support] / np.linalg.norm(Q_BRAGG), rtol=1e-5
    )


def test_everything_is_float32_and_unknown_outside() -> None:
    found = field(reconstruction(runs=2))
    for name in MAPS:
        values = getattr(found, name)
        assert values.dtype == np.float32, name
        assert np.isnan(values[~found.support]).all(), name
        # a voxel that sticks out of the surface has no neighbor to take a derivative with
        assert np.isfinite(values[found.support]).mean() > 0.95, name
    assert np.isfinite(found.amplitude).all()
    assert found.frame == "sample"


@pytest.mark.parametrize("moved_px", [(3.0, 0.0, 0.0), (0.0, -2.5, 1.3), (1.5, 1.5, -1.5)])
def test_d_spacing_does_not_depend_on_where_the_peak_was_said_to_be(moved_px: tuple[float, float, float]) -> None:
    """Another peak, with q there, is another ramp and another mean lattice: strain moves, d-spacing stays."""
    there = tuple(np.add(PEAK_PX, moved_px))
    q_there = Q_BRAGG + Q_STEP @ (np.array(moved_px) / BINNING)
    one = field(reconstruction(strain=2e-4))
    other = field(reconstruction(strain=2e-4), replace(volume(), peak_px=there, q_bragg_per_m=q_there))
    change = np.nanmedian(other.d_spacing_m) / np.nanmedian(one.d_spacing_m) - 1.0
    moved = abs(np.nanmedian(other.strain) - np.nanmedian(one.strain))
    assert abs(change) < 2e-5
    assert moved > 10 * abs(change)


def test_uncertainty_is_the_spread_of_the_runs() -> None:
    calm, noisy = field(reconstruction(runs=6, noise=0.02)), field(reconstruction(runs=6, noise=0.04))
    assert np.nanmedian(noisy.uncertainty) == pytest.approx(2 * np.nanmedian(calm.uncertainty), rel=0.05)
    assert np.nanmedian(field(reconstruction(runs=3)).uncertainty) < 1e-8
    assert not calm.flags


@pytest.mark.parametrize("runs", [0, 1])
def test_too_few_runs_have_no_uncertainty_and_that_is_said(runs: int) -> None:
    found = field(reconstruction(runs=runs))
    assert np.isnan(found.uncertainty).all()
    assert any("uncertainty" in flag for flag in found.flags)


def test_the_largest_piece_is_the_crystal() -> None:
    whole = reconstruction()
    object_ = whole.object_.copy()
    object_[1:4, 1:4, 1:4] = 1.0
    alone, with_dust = field(whole), field(replace(whole, object_=object_))
    assert with_dust.support.sum() == pytest.approx(alone.support.sum(), rel=0.02)


def test_a_voxel_size_may_be_asked_for() -> None:
    coarse = strain_field(reconstruction(), volume(), MapOptions(apodisation=0.0, voxel_size_m=8e-9))
    fine = strain_field(reconstruction(), volume(), MapOptions(apodisation=0.0, voxel_size_m=4e-9))
    assert (coarse.voxel_size_m, fine.voxel_size_m) == (8e-9, 4e-9)
    assert fine.support.sum() / coarse.support.sum() == pytest.approx(8.0, rel=0.1)


def test_apodising_leaves_the_strain_inside_and_pulls_it_down_at_the_surface() -> None:
    soft = strain_field(reconstruction(strain=2e-4), volume())
    inner = binary_erosion(soft.support, iterations=3)
    assert np.nanmean(soft.strain[inner]) == pytest.approx(2e-4, rel=0.04)
    assert 1.2e-4 < np.nanmean(soft.strain[soft.support & ~inner]) < 2e-4


@pytest.mark.parametrize(("value", "isosurface"), [(0.0, 0.3), (np.nan, 0.3), (1.0, 3.0)])
def test_where_there_is_no_crystal_it_is_said(value: float, isosurface: float) -> None:
    given = reconstruction()
    with pytest.raises(BadInput, match="scan: ") as told:
        strain_field(replace(given, object_=given.object_ * np.complex64(value)), volume(), MapOptions(isosurface))
    assert "\n" not in str(told.value)
