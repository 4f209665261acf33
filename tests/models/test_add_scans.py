"""Scans of one crystal laid on each other: as good as one scan of all the photons, and no other crystal among them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.preprocess import PrepareOptions, prepare
from braggline_models.scan import PreparedVolume, RockingCurve

sys.path.insert(0, str(Path(__file__).parent))
from shifted_scans import SIDE, Crystal, N

PLAIN = PrepareOptions(bin_frames=1)
PHOTONS = 1e6


@pytest.fixture(scope="module")
def crystal() -> Crystal:
    return Crystal(1)


@pytest.fixture(scope="module")
def scans(crystal: Crystal) -> list[RockingCurve]:
    """Four scans, each shifted by whole voxels, of unlike exposures."""
    shifts = ((0, 0, 0), (3, -5, 7), (-4, 2, -9), (1, 0, 12))
    photons = (PHOTONS, PHOTONS, 2 * PHOTONS, 0.5 * PHOTONS)
    return [
        crystal.scan(f"scan_{k}", n, shift, seed=k) for k, (n, shift) in enumerate(zip(photons, shifts, strict=True))
    ]


def mean_counts(crystal: Crystal, volume: PreparedVolume, photons: float) -> np.ndarray:
    window = tuple(slice(s, s + n) for s, n in zip(volume.crop_start_px, volume.intensity.shape, strict=True))
    return crystal.expected(photons)[window]


def told(volume: PreparedVolume, name: str) -> str:
    return next(step.name for step in volume.cleaning if step.name.startswith(f"added {name}:"))


def test_the_sum_is_a_scan_of_all_the_photons(crystal: Crystal, scans: list[RockingCurve]) -> None:
    volume = prepare(scans[0], PLAIN, scans[1:])
    assert volume.parents == ("scan_0", "scan_1", "scan_2", "scan_3")
    for name, shift in (("scan_1", "+3.0"), ("scan_2", "-4.0"), ("scan_3", "+1.0")):
        assert shift in told(volume, name).replace("+2.99", "+3.00").replace("-3.99", "-4.00").replace("+0.99", "+1.00")
    expected = mean_counts(crystal, volume, 4.5 * PHOTONS)
    inner = np.s_[5:-5]  # frames that every scan has
    counts, mean = volume.intensity[inner], expected[inner]
    np.testing.assert_array_equal(counts, np.rint(counts))  # whole counts
    bright = mean > 5
    pull = (counts[bright] - mean[bright]) / np.sqrt(mean[bright])
    n = np.count_nonzero(bright)
    assert abs(pull.mean()) < 5 / np.sqrt(n)
    assert np.mean(pull**2) == pytest.approx(1.0, abs=5 * np.sqrt(2.5 / n))  # Poisson's variance


def test_voxels_that_only_some_scans_know(crystal: Crystal, scans: list[RockingCurve]) -> None:
    """Dead columns, at another place of the pattern in each scan, and frames beyond the end of one: no step is left."""
    spoiled = []
    for scan in scans[:3]:
        mask = scan.mask.copy()
        mask[:, SIDE // 2 + 2 : SIDE // 2 + 6] = True
        spoiled.append(replace(scan, mask=mask, intensity=np.where(mask, 0, scan.intensity)))
    volume = prepare(spoiled[0], PLAIN, spoiled[1:])
    alone = prepare(spoiled[0], replace(PLAIN, at_least_px=volume.intensity.shape[1:]))
    assert alone.mask.any()
    assert not volume.mask.any()
    expected = mean_counts(crystal, volume, 4 * PHOTONS)
    for voxels in (alone.mask & (expected > 3), np.arange(N)[:, None, None] * np.ones(expected.shape) >= N - 4):
        counted, wanted = volume.intensity[voxels].sum(), expected[voxels].sum()
        assert counted == pytest.approx(wanted, abs=8 * float(np.sqrt(wanted)))


def test_fractions_of_a_voxel_are_measured_and_said(crystal: Crystal) -> None:
    first = crystal.scan("first", PHOTONS)
    volume = prepare(first, PLAIN, [crystal.scan("other", PHOTONS, (2.3, -1.4, 0.25), seed=1)])
    shift = told(volume, "other").split("by ")[1].split(" frames")[0]
    np.testing.assert_allclose([float(value) for value in shift.split(", ")], (2.3, -1.4, 0.25), atol=0.1)
    assert any("whole voxels only" in flag for flag in volume.flags)
    near = prepare(first, PLAIN, [crystal.scan("other", PHOTONS, (2.1, -1.1, 0.1), seed=1)])
    assert not any("whole voxels only" in flag for flag in near.flags)


@pytest.mark.parametrize("other", [(2, 200e-9, 2.0), (4, 210e-9, 2.0), (1, 200e-9, 4.0)])
def test_another_crystal_or_another_state_is_left_out(crystal: Crystal, other: tuple[int, float, float]) -> None:
    first = crystal.scan("first", PHOTONS)
    alien = Crystal(*other).scan("alien", PHOTONS, seed=1)
    same = crystal.scan("same", PHOTONS, (1, 1, 1), seed=2)
    volume = prepare(first, PLAIN, [alien, same])
    assert volume.parents == ("first", "same")
    assert any(flag.startswith("alien: shifted by") and "left out" in flag for flag in volume.flags)
    np.testing.assert_array_equal(volume.intensity, prepare(first, PLAIN, [same]).intensity)


def test_scans_of_another_kind_are_refused_with_numbers(crystal: Crystal) -> None:
    first = crystal.scan("first", PHOTONS)
    finer = dict(first.angles_deg) | {"eta": 17.7 + 0.5 * (np.asarray(first.angles_deg["eta"]) - 17.7)}
    elsewhere = dict(first.angles_deg) | {"delta": np.full(N, 36.0)}
    for wrong, words in (
        (replace(first, name="other", angles_deg=finer), r"other: the step of eta is 0.006, that of first is 0.012"),
        (replace(first, name="other", angles_deg=elsewhere), "delta in deg is 36, that of first is 35.4"),
        (replace(first, name="other", energy_eV=9100.0), "the energy in eV is 9100"),
        (replace(first, name="other", detector=replace(first.detector, name="eiger2m")), "on eiger2m"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            prepare(first, PLAIN, [wrong])
        assert "\n" not in str(caught.value)


def test_each_scan_is_normalised_and_cleaned_by_itself(crystal: Crystal) -> None:
    """A beam that sinks through one scan, and a hot pixel in the other."""
    beam = np.linspace(1.5, 0.5, N)
    first = replace(crystal.scan("first", PHOTONS), monitor=np.full(N, 1e5))
    other = crystal.scan("other", PHOTONS, (0, 4, 0), seed=1)
    counts = np.random.default_rng(5).poisson(crystal.expected(PHOTONS, (0, 4, 0)) * beam[:, None, None])
    counts[:, SIDE // 2 + 12, SIDE // 2 + 9] = 500
    volume = prepare(first, PLAIN, [replace(other, intensity=counts.astype(np.uint32), monitor=1e5 * beam)])
    expected = mean_counts(crystal, volume, 1.0)
    per_frame, wanted = volume.intensity.sum(axis=(1, 2)), expected.sum(axis=(1, 2))
    bright = wanted > 0.01 * wanted.max()
    off = per_frame / per_frame.sum() / (wanted / wanted.sum()) - 1
    assert (np.abs(off) < 5 / np.sqrt(per_frame))[bright].all()
    assert volume.intensity.max() < 2.5 * PHOTONS * expected.max()
    assert not volume.mask.any()
