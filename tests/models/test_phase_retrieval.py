"""Phase retrieval as a whole: a known crystal comes back, from scratch and from frames that arrive bit by bit."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from braggline_models.errors import BadInput
from braggline_models.phase_retrieval import Ensemble, Recipe
from braggline_models.phase_retrieval.align import aligned, correlation
from braggline_models.results import Reconstruction
from braggline_models.scan import PreparedVolume

SHAPE = (48, 48, 48)
PHOTONS = 1e7


@cache
def _truth() -> np.ndarray:
    """A truncated octahedron without center of symmetry, phase = +Q.u smooth over a range of 2 rad."""
    rng = np.random.default_rng(11)
    axes = np.stack(np.meshgrid(*[np.arange(n) - n // 2 for n in SHAPE], indexing="ij")).astype(float)
    inside = np.ones(SHAPE, bool)
    for normal in itertools.product((-1, 1), repeat=3):
        inside &= np.tensordot(normal, axes, 1) / np.sqrt(3) < rng.uniform(7.5, 10.0)
    for normal in np.vstack([np.eye(3), -np.eye(3)]):
        inside &= np.tensordot(normal, axes, 1) < rng.uniform(8.0, 11.0)
    phase = gaussian_filter(rng.standard_normal(SHAPE), 5.0)
    phase *= 2.0 / np.ptp(phase[inside])
    return (gaussian_filter(inside.astype(float), 0.6) * np.exp(1j * phase)).astype(np.complex64)


def _pattern(object_: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.fftshift(np.fft.fftn(np.conj(object_)))) ** 2


@cache
def _volume() -> PreparedVolume:
    intensity = _pattern(_truth())
    counts = np.random.default_rng(3).poisson(intensity * PHOTONS / intensity.sum()).astype(np.float32)
    mask = np.zeros(SHAPE, bool)
    mask[:, 30:32, :] = True  # a gap of the detector
    center = (24.0, 24.0, 24.0)
    return PreparedVolume(
        "known crystal", np.where(mask, 0, counts).astype(np.float32), mask, (0, 0, 0), (1, 1, 1), center,
        np.array([2.7e10, 0.0, 0.0]), np.eye(3) * 5e6,
    )  # fmt: skip


def _phased(volume: PreparedVolume, recipe: Recipe, seed: int, threads: int = 2) -> Reconstruction:
    ensemble = Ensemble(recipe, seed, threads)
    ensemble.update(volume)
    progress = list(ensemble.advance(recipe.schedule))
    assert progress[-1].iteration == progress[-1].total
    return ensemble.reconstruction(final=True)


def _agrees(object_: np.ndarray) -> float:
    return abs(correlation(aligned(object_, _truth())[0], _truth()))


@cache
def _result() -> Reconstruction:
    return _phased(_volume(), Recipe(), seed=0)


def test_a_known_crystal_comes_back() -> None:
    result = _result()
    assert _agrees(result.object_) > 0.95
    assert result.quality.agreement > 0.95
    assert result.quality.runs_kept in (2, 3)
    assert result.quality.runs_total == 8
    assert result.support.sum() == pytest.approx(np.count_nonzero(np.abs(_truth()) > 0.15), rel=0.2)


def test_sign_center_and_global_phase() -> None:
    """|FFT(conj(object_))|^2 is the intensity, |FFT(object_)|^2 is not."""
    result, volume = _result(), _volume()
    known = ~volume.mask
    right = np.corrcoef(np.sqrt(_pattern(result.object_)[known]), np.sqrt(volume.intensity[known]))[0, 1]
    wrong = np.corrcoef(np.sqrt(_pattern(np.conj(result.object_))[known]), np.sqrt(volume.intensity[known]))[0, 1]
    assert right > 0.99 > 0.9 > wrong
    weight = np.abs(result.object_) * result.support
    for axis, n in enumerate(SHAPE):
        profile = weight.sum(axis=tuple(k for k in range(3) if k != axis))
        assert profile @ np.arange(n) / profile.sum() == pytest.approx(n // 2, abs=0.3)
    assert np.angle(np.sum(result.object_[result.support])) == pytest.approx(0.0, abs=1e-3)
    assert result.runs.shape == (result.quality.runs_kept, *SHAPE)
    assert abs(correlation(result.object_, result.runs[1]) - 1) < 0.05


def test_resolution_is_a_half_period_within_the_window() -> None:
    quality = _result().quality
    voxel_m = 2 * np.pi / (48 * 5e6)
    assert 0.4 * voxel_m < quality.resolution_m < 4 * voxel_m
    assert quality.prtf.shape == quality.prtf_q_per_m.shape
    assert quality.prtf[0] > 0.9


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_other_seeds_find_the_same(seed: int) -> None:
    other = _phased(_volume(), Recipe(), seed)
    # the same twin too: no alignment that might flip it
    assert abs(correlation(other.object_, _result().object_)) > 0.9
    assert _agrees(other.object_) > 0.95


def test_same_bits_whatever_the_threads() -> None:
    recipe = Recipe(runs=3, schedule="HALF,(HIO**5,SW)**2,FULL,RAAR**5,SW,DETWIN**2,ER**3")
    first, second = (_phased(_volume(), recipe, 7, threads) for threads in (1, 3))
    np.testing.assert_array_equal(first.object_, second.object_)
    np.testing.assert_array_equal(first.support, second.support)
    assert first.quality.free_llk == second.quality.free_llk


def test_from_growing_data() -> None:
    """Frames that are not measured are unknown; two runs live on, and the polish ends where a fresh start would."""
    recipe, volume = Recipe(), _volume()
    ensemble = Ensemble(recipe, 0, 2, runs=2)
    for frames in (15, 24, 33, 48):
        mask = volume.mask.copy()
        mask[frames:] = True
        ensemble.update(replace(volume, mask=mask, intensity=np.where(mask, 0, volume.intensity).astype(np.float32)))
        assert list(ensemble.advance(recipe.live))
        preview = ensemble.reconstruction(final=False)
        assert not preview.final
        assert np.isfinite(preview.object_).all()
    assert list(ensemble.advance(recipe.polish))
    result = ensemble.reconstruction(final=True)
    assert result.quality.runs_total == recipe.runs
    assert _agrees(result.object_) > 0.95


def test_stop_between_iterations() -> None:
    ensemble = Ensemble(Recipe(runs=1), 0, 1)
    ensemble.update(_volume())
    asked = itertools.count()
    progress = list(ensemble.advance("RAAR**1000", stop=lambda: next(asked) > 5))
    assert len(progress) <= 1
    assert np.isfinite(ensemble.reconstruction(final=False).object_).all()


def test_binning_that_changes_keeps_the_object() -> None:
    recipe, volume = Recipe(runs=1, polish="ER**5"), _volume()
    fine = replace(volume, intensity=np.repeat(volume.intensity / 2, 2, axis=0), mask=np.repeat(volume.mask, 2, axis=0))
    fine = replace(fine, q_step_per_m=np.diag([2.5e6, 5e6, 5e6]))
    ensemble = Ensemble(recipe, 1, 1)
    ensemble.update(fine)
    list(ensemble.advance("(RAAR**10,SW)**2"))
    before = ensemble.reconstruction(final=False)
    ensemble.update(replace(volume, binning=(2, 1, 1)))
    after = ensemble.reconstruction(final=False)
    assert after.object_.shape == SHAPE
    assert abs(correlation(aligned(before.object_[24:72], after.object_)[0], after.object_)) > 0.8


def test_what_cannot_be_phased_is_said_in_one_line() -> None:
    volume = _volume()
    empty = replace(volume, intensity=np.zeros(SHAPE, np.float32))
    broken = replace(volume, intensity=np.full(SHAPE, np.nan, np.float32))
    hidden = replace(volume, mask=np.ones(SHAPE, bool))
    ensemble = Ensemble(Recipe(), 0, 1)
    for bad in (empty, broken, hidden):
        with pytest.raises(BadInput, match="known crystal"):
            ensemble.update(bad)
    with pytest.raises(BadInput, match="update"):
        list(ensemble.advance("ER**2"))
    with pytest.raises(BadInput, match="update"):
        ensemble.reconstruction(final=True)
