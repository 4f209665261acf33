"""Cleaning finds what was put in and leaves the crystal alone; raw counts are never touched."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from braggline_models.errors import BadInput
from braggline_models.preprocess import ALL_STEPS, STEPS, Finding, PrepareOptions, cleaned, prepare
from braggline_models.preprocess.background import background_level, background_threshold
from braggline_models.preprocess.scene import scene_of
from braggline_models.scan import RockingCurve
from braggline_models.simulate import simulate_curve
from braggline_service.beamlines import load_beamline
from braggline_service.sources.read import read_scan

BRAGG_DEG = {"eta": 17.7, "phi": 0.0, "nu": 0.0, "delta": 35.4}
SHARED = Path(os.environ.get("BRAGGLINE_SHARED", Path(__file__).parents[3] / "shared"))


@lru_cache(maxsize=4)
def crystal(phase_range_rad: float = 2.0, seed: int = 0, photons: float = 1e7) -> RockingCurve:
    beamline = load_beamline("id01")
    detector, mask = beamline.detector("maxipix")
    curve, _ = simulate_curve(
        beamline.diffractometer, detector, mask, BRAGG_DEG, "eta", 0.012, 64, 9000.0, 300e-9, phase_range_rad,
        photons, seed,
    )  # fmt: skip
    curve.intensity.flags.writeable = False
    return curve


def spoiled(curve: RockingCurve, *changes: tuple[tuple, float]) -> RockingCurve:
    frames = curve.intensity.copy()
    for place, counts in changes:
        frames[place] = counts
    frames.flags.writeable = False
    return replace(curve, intensity=frames)


def with_alien(curve: RockingCurve, offset: tuple[int, int, int], counts: float) -> RockingCurve:
    """A Gaussian spot so far from the Bragg peak."""
    at = np.array(prepare(curve).peak_px) + offset
    sigma = (1.5, 2.0, 2.0)
    lines = [
        np.exp(-0.5 * ((np.arange(n) - a) / s) ** 2) for n, a, s in zip(curve.intensity.shape, at, sigma, strict=True)
    ]
    spot = lines[0][:, None, None] * lines[1][:, None] * lines[2]
    spot = np.random.default_rng(1).poisson(spot * counts / spot.sum()).astype(np.uint32)
    return replace(curve, intensity=curve.intensity + np.where(curve.mask, 0, spot).astype(np.uint32))


def removed(curve: RockingCurve, name: str) -> float:
    return next(step.counts_removed for step in prepare(curve).cleaning if step.name == name)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("phase_range_rad", [0.0, 5.0, 8.0])
def test_a_strained_crystal_loses_nothing(phase_range_rad: float, seed: int) -> None:
    for photons in (1e6, 3e7):
        steps = prepare(crystal(phase_range_rad, seed, photons)).cleaning
        assert [(step.name, step.voxels) for step in steps if step.voxels] == []


def test_a_growing_scan_has_no_aliens_before_its_peak_is_over() -> None:
    curve = crystal(8.0, 2)
    for share in np.linspace(0.2, 0.95, 9):
        scene = cleaned(replace(curve, measured=np.arange(64) < share * 64), PrepareOptions())
        assert not scene.lost.size, share


@pytest.mark.parametrize("counts", [1e4, 1e5, 1e6, 3e6])
@pytest.mark.parametrize("offset", [(14, 22, -24), (-20, -40, 10), (22, 4, 0)])
def test_an_alien_does_not_move_the_center(offset: tuple[int, int, int], counts: float) -> None:
    if counts < 1e5 and offset[1] < 10:
        pytest.skip("as dim as the crystal's own fringes there")
    clean, curve = prepare(crystal()), with_alien(crystal(), offset, counts)
    volume = prepare(curve)
    assert removed(curve, "aliens") == pytest.approx(counts, rel=0.15)
    np.testing.assert_allclose(volume.peak_px, clean.peak_px, atol=0.05)
    at = [round(p + o - s) for p, o, s in zip(clean.peak_px, offset, volume.crop_start_px, strict=True)]
    around = tuple(slice(k - 2, k + 3) for k in at)
    assert volume.binning == (1, 1, 1)
    assert volume.mask[around].all()
    assert not volume.intensity[around].any()
    assert not volume.mask[tuple(slice(n // 2 - 4, n // 2 + 5) for n in volume.mask.shape)].any()
    if counts > 1e6:
        assert "aliens" in " ".join(volume.flags)


def test_a_brighter_peak_at_the_end_of_the_scan_is_another_crystals() -> None:
    curve = crystal()
    other = np.zeros_like(curve.intensity)
    other[26:, 90:, 90:] = 3 * curve.intensity[:-26, :-90, :-90]
    both = replace(curve, intensity=curve.intensity + np.where(curve.mask, 0, other).astype(np.uint32))
    volume = prepare(both)
    np.testing.assert_allclose(volume.peak_px, prepare(curve).peak_px, atol=0.1)
    assert any("another Bragg peak" in flag for flag in volume.flags)
    assert prepare(both, PrepareOptions(cleaning=())).peak_px[1] > 200  # the brightest, where nothing chooses


@settings(max_examples=20, deadline=None)
@given(
    frame=st.integers(0, 63), row=st.integers(4, 250), column=st.integers(270, 510),
    counts=st.integers(30, 60_000), size=st.integers(1, 3),
)  # fmt: skip
def test_zingers_are_found_wherever_they_strike(frame: int, row: int, column: int, counts: int, size: int) -> None:
    curve = crystal()
    place = (frame, row, slice(column, column + size))
    hit = spoiled(curve, (place, counts))
    scene = cleaned(hit, PrepareOptions(cleaning=("zingers",)))
    expected = np.ravel_multi_index((np.full(size, frame), np.full(size, row), np.arange(column, column + size)),
                                    curve.intensity.shape)  # fmt: skip
    assert scene.lost.tolist() == expected.tolist()
    assert scene.steps[0].counts_removed == pytest.approx(counts * size)


def test_dead_stuck_and_hot_pixels_become_unknown() -> None:
    curve = crystal()
    dead, stuck, hot = (129, 127), (120, 133), (124, 132)  # each within the Bragg peak
    frames = (slice(None), *dead), (slice(None), *stuck), (slice(None), *hot)
    bad = spoiled(curve, (frames[0], 0), (frames[1], 7))
    counting = bad.intensity.copy()
    counting[frames[2]] += np.random.default_rng(0).poisson(400, 64).astype(np.uint32)
    volume = prepare(replace(bad, intensity=counting), PrepareOptions(bin_frames=1))
    for row, column in (dead, stuck, hot):
        assert volume.mask[:, row - volume.crop_start_px[1], column - volume.crop_start_px[2]].all()
    assert volume.mask.sum() == 3 * 64
    assert [(s.name, s.voxels) for s in volume.cleaning if s.voxels] == [("dead", 128), ("hot", 64)]


def test_each_step_can_be_left_out_and_none_alters_the_counts() -> None:
    curve = spoiled(with_alien(crystal(), (14, 22, -24), 1e5), ((slice(None), 30, 300), 5000), ((40, 60, 60), 900))
    before = curve.intensity.copy()
    for left in ((), ALL_STEPS[:2], ALL_STEPS[2:], ALL_STEPS):
        volume = prepare(curve, PrepareOptions(cleaning=left))
        assert tuple(step.name for step in volume.cleaning) == (*left, "background")
    np.testing.assert_array_equal(curve.intensity, before)
    kept = prepare(curve, PrepareOptions(cleaning=(), bin_frames=1))
    assert not kept.mask.any()
    with pytest.raises(BadInput, match="no step 'bleach'; known are dead, zingers"):
        prepare(curve, PrepareOptions(cleaning=("bleach",)))
    with pytest.raises(BadInput, match="twice"):
        prepare(curve, PrepareOptions(cleaning=("hot", "hot")))


def test_another_filter_can_take_a_seat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "mine", lambda scene, options: Finding(voxels=np.array([5, 3, 3])))
    scene = cleaned(crystal(), PrepareOptions(cleaning=("hot", "mine")))
    assert scene.lost.tolist() == [3, 5]
    assert scene.steps[-1].voxels == 2


@pytest.mark.parametrize("level", [0.0, 0.003, 0.02, 0.1, 1.0])
def test_the_flat_background_is_estimated(level: float) -> None:
    curve = crystal()
    flat = np.where(curve.mask, 0, np.random.default_rng(2).poisson(level, curve.intensity.shape)).astype(np.uint32)
    spread = replace(curve, intensity=curve.intensity + flat)
    found = background_level(scene_of(spread), (60, 60), (138, 138))
    assert found == pytest.approx(level, rel=0.1, abs=6e-4)
    limit = background_threshold(found, "auto")
    assert limit == {0.0: 0, 0.003: 1, 0.02: 1, 0.1: 2, 1.0: 5}[level]
    assert background_threshold(found, 2.5) == 2.5
    kept = prepare(spread, PrepareOptions(background_counts="auto", bin_frames=1)).intensity
    assert not ((kept > 0) & (kept <= limit)).any()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real data are not here")
def test_the_alien_of_the_gold_scan_is_found_by_itself() -> None:
    curve = read_scan(SHARED / "data/aps34idc_s0054.h5")
    volume, plain = prepare(curve), prepare(curve, PrepareOptions(cleaning=()))
    assert removed(curve, "aliens") == pytest.approx(9.4e3, rel=0.1)  # of 4.6e7: one spot, on the window's edge
    np.testing.assert_allclose(volume.peak_px, plain.peak_px, atol=0.01)
    assert volume.intensity.sum() > 0.999 * plain.intensity.sum()
