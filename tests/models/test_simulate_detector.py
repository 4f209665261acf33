"""A detector by law: every flaw is where the truth says, and none where none was asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.simulate import (
    CrystalRange,
    DetectorFlaws,
    FlawRange,
    drawn_crystal,
    drawn_flaws,
    seen_by_detector,
)
from braggline_models.simulate.beam import at_offsets, drawn_beam

CRYSTAL = drawn_crystal(32, np.random.default_rng(4), CrystalRange(photons=(1e6, 1e6)))
EXPECTED = CRYSTAL.expected


def seen(**flaws: object):
    return seen_by_detector(EXPECTED, np.random.default_rng(8), DetectorFlaws(**flaws))  # type: ignore[arg-type]


def test_without_flaws_only_the_counting_is_noisy() -> None:
    clean = seen()
    assert clean.counts.sum() == pytest.approx(1e6, abs=5e3)
    bright = EXPECTED > 20
    chi2 = np.square(clean.counts[bright] - EXPECTED[bright], dtype=float) / EXPECTED[bright]
    assert chi2.mean() == pytest.approx(1.0, abs=5 * np.sqrt(2 / bright.sum()))
    for mask in (clean.gap, clean.hot, clean.dead, clean.zinger, clean.alien, clean.saturated):
        assert not mask.any()
    assert (clean.beam.brightness == 1.0).all()


def test_hot_and_dead_pixels_and_zingers_are_where_the_truth_says() -> None:
    clean, spoilt = seen(), seen(hot_pixels=5, dead_pixels=4, zingers_per_frame=0.5)
    assert (spoilt.hot.sum(), spoilt.dead.sum()) == (5, 4)
    assert not (spoilt.hot & spoilt.dead).any()
    elsewhere = ~(spoilt.hot | spoilt.dead) & ~spoilt.zinger
    np.testing.assert_array_equal(spoilt.counts[elsewhere], clean.counts[elsewhere])
    assert not spoilt.counts[:, spoilt.dead].any()
    struck = spoilt.zinger & ~spoilt.hot
    assert (spoilt.counts[struck] > clean.counts[struck]).all()
    assert (spoilt.counts[:, spoilt.hot].sum(axis=0) >= clean.counts[:, spoilt.hot].sum(axis=0)).all()


def test_gaps_are_empty_and_saturated_pixels_told() -> None:
    top = float(EXPECTED.max()) / 3
    result = seen(gap_rows=((20, 24),), gap_columns=((3, 5),), saturation=top)
    assert result.gap[20:24].all()
    assert result.gap[:, 3:5].all()
    assert result.gap.sum() == 4 * 32 + 2 * 32 - 8
    assert not result.counts[:, result.gap].any()
    assert result.counts.max() == int(top)
    np.testing.assert_array_equal(result.saturated, result.counts == int(top))


@pytest.mark.parametrize("strength", [1e-3, 0.3, 1.0])
def test_an_alien_is_as_bright_as_asked_for_and_no_part_of_the_crystal(strength: float) -> None:
    found = [
        seen_by_detector(EXPECTED, np.random.default_rng(seed), DetectorFlaws(alien_strengths=(strength,)))
        for seed in range(12)
    ]
    for result in found:
        assert result.alien_expected is not None
        (alien,) = result.aliens
        assert result.alien_expected.max() <= strength * EXPECTED.max() * 1.0001
        at = np.clip(np.rint(alien.center).astype(int), 0, 31)
        if alien.kind == "peak":
            assert result.alien_expected[tuple(at)] > 0.3 * strength * EXPECTED.max()
        np.testing.assert_array_equal(result.alien, result.alien_expected >= np.maximum(EXPECTED, 1.0))
    assert {result.aliens[0].kind for result in found} == {"peak", "streak"}


def test_the_monitor_follows_the_flux_and_not_the_drift() -> None:
    beam = drawn_beam(400, 0.05, 0.0, 0.0, np.random.default_rng(1))
    assert np.corrcoef(beam.monitor, beam.flux)[0, 1] > 0.99
    assert beam.flux.std() == pytest.approx(0.05, rel=0.25)
    drifting = drawn_beam(400, 0.0, 2.0, 0.0, np.random.default_rng(1))
    assert drifting.illumination.min() < 0.8
    assert drifting.monitor.std() / drifting.monitor.mean() < 2e-3
    bright = seen(drift=2.0, flux_noise=0.05)
    sums = bright.counts.sum(axis=(1, 2)) / np.maximum(EXPECTED.sum(axis=(1, 2)), 1)
    strong = EXPECTED.sum(axis=(1, 2)) > 1e4
    np.testing.assert_allclose(sums[strong], bright.beam.brightness[strong], rtol=0.05)


def test_background_is_flat_and_uniform() -> None:
    extra = seen(background=2.0).counts.sum() - EXPECTED.sum(dtype=float)
    assert extra == pytest.approx(2.0 * EXPECTED.size, rel=0.05)


def test_jitter_moves_frames_by_fractions_of_a_step() -> None:
    """A whole step is the next frame; half a step on the crystal's own curve is what a scan of half steps would see."""
    inner = EXPECTED[2:-2].max()
    moved = at_offsets(EXPECTED, np.ones(32))
    assert np.abs(moved[2:-3] - EXPECTED[3:-2]).max() < 2e-3 * inner
    assert at_offsets(EXPECTED, np.zeros(32)) is EXPECTED
    there = at_offsets(EXPECTED, np.full(32, 0.3))
    back = at_offsets(there, np.full(32, -0.3))
    assert np.abs(back - EXPECTED).max() < 2e-2 * inner


def test_drawn_flaws_stay_in_their_range() -> None:
    rng = np.random.default_rng(2)
    every = FlawRange(odds=dict.fromkeys(FlawRange().odds, 1.0))
    for _ in range(30):
        flaws = drawn_flaws(EXPECTED, every, rng)
        assert 1 <= len(flaws.alien_strengths) <= 2
        assert all(1e-4 <= strength <= 1 for strength in flaws.alien_strengths)
        assert flaws.gap_rows or flaws.gap_columns
        assert flaws.saturation <= EXPECTED.max()
        result = seen_by_detector(EXPECTED, rng, flaws)
        assert not result.gap[16, 16]
    nothing = drawn_flaws(EXPECTED, FlawRange(odds=dict.fromkeys(FlawRange().odds, 0.0)), rng)
    assert replace(nothing, background=0.0) == DetectorFlaws()


def test_the_volume_for_phase_retrieval_holds_the_gap_as_unknown() -> None:
    result = seen(gap_columns=((3, 5),))
    volume = CRYSTAL.prepared(result.counts, result.gap)
    assert volume.mask.shape == EXPECTED.shape
    assert volume.mask[:, :, 3:5].all()
    np.testing.assert_array_equal(volume.intensity, result.counts.astype(np.float32))


def test_nonsense_is_refused() -> None:
    for flaws, words in (
        ({"background": -1.0}, "background is -1"),
        ({"alien_strengths": (2.0,)}, "share of the peak"),
        ({"jitter_steps": 2.0}, "0 to 1 step"),
    ):
        with pytest.raises(BadInput, match=words):
            DetectorFlaws(**flaws)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="too many"):
        seen(hot_pixels=2000)
