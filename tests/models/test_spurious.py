"""The learned filter in its seat among the cleaning steps, and what it fills."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from braggline_models.learned.model import Model
from braggline_models.learned.range import fitted_range
from braggline_models.learned.spurious import TASK
from braggline_models.learned.spurious.answer import MULTIPLE, answered
from braggline_models.learned.spurious.controls import curve_of, lost, mad_outliers
from braggline_models.learned.spurious.examples import CRYSTALS, Example, cut_short, drawn_example, example
from braggline_models.learned.spurious.inputs import inputs_of, mirrored
from braggline_models.learned.spurious.judge import NONE
from braggline_models.preprocess import ALL_STEPS, PrepareOptions, cleaned, prepare
from braggline_models.preprocess.spurious import NAME
from braggline_models.simulate import FlawRange, drawn_crystal, drawn_flaws
from braggline_service.learned.weights import load_model


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model(NAME)


def spoilt(seed: int, **odds: float) -> Example:
    rng = np.random.default_rng([3_900_000, seed])
    crystal = drawn_crystal(48, rng, replace(CRYSTALS, photons=(1e6, 1e7), phase_range_rad=(0.0, 4.0)))
    flaws = drawn_flaws(crystal.expected, FlawRange(odds=NONE | odds, alien_strength=(0.1, 1.0)), rng)
    return example(crystal, replace(flaws, dead_pixels=0), rng)


def stranger(model: Model) -> Model:
    """The same network, trained on something else as far as it knows."""
    return replace(model, known_range=fitted_range(np.random.default_rng(0).normal(100, 0.01, (50, 8))))


def test_a_mirror_image_of_a_mirror_image_is_the_pattern() -> None:
    values = np.random.default_rng(0).random((8, 9, 10)).astype(np.float32)
    for center in ((4, 4, 5), (2, 7, 5), (0, 8, 0)):
        twice = mirrored(mirrored(values, center), center)
        inside = mirrored(mirrored(np.ones_like(values), center), center) > 0
        np.testing.assert_array_equal(twice[inside], values[inside])
        assert mirrored(values, center)[center] == values[center]
        assert not twice[~inside].any()


def test_what_is_not_known_is_not_seen() -> None:
    rng = np.random.default_rng(1)
    counts, known = rng.poisson(5.0, (16, 16, 16)).astype(np.float32), rng.random((16, 16, 16)) > 0.3
    other = np.where(known, counts, 1e6)
    assert torch.equal(inputs_of(counts, known, (8, 8, 8)), inputs_of(other, known, (8, 8, 8)))


def test_examples_tell_what_is_wrong_with_them() -> None:
    for seed in range(6):
        whole = drawn_example(32, np.random.default_rng(seed))
        for seen in (whole, cut_short(whole, np.random.default_rng(seed))):
            assert not seen.counts[~seen.known].any()
            assert not (seen.alien | seen.hot)[~seen.known].any()
            assert not (seen.hidden & seen.known).any()


def test_any_window_is_answered(model: Model) -> None:
    seen = spoilt(0)
    counts, known = seen.counts[:40, :45], seen.known[:40, :45]
    answer = answered(model, counts, known, (24, 24, 24))
    assert counts.shape[0] % MULTIPLE
    for values in (answer.alien, answer.hot, answer.log_mean, answer.log_std):
        assert values.shape == counts.shape
        assert np.isfinite(values).all()
    assert (answer.log_std > 0).all()


def test_without_its_model_the_step_stands_back_with_a_flag() -> None:
    curve = curve_of(*(lambda e: (e.counts, e.known))(spoilt(1)), "scan")
    volume = prepare(curve, PrepareOptions(cleaning=(NAME,)))
    assert any("no learned model" in flag for flag in volume.flags)
    assert not volume.mask.any()


def test_unfamiliar_patterns_are_left_alone_with_a_flag(model: Model) -> None:
    seen = spoilt(1, aliens=1.0)
    curve = curve_of(seen.counts, seen.known, "scan")
    options = PrepareOptions(cleaning=(), models={NAME: stranger(model)}, fill_gaps=True)
    volume = prepare(curve, options)
    assert any("stands back" in flag for flag in volume.flags)
    assert not volume.mask.any()


def test_counts_that_are_no_numbers_make_it_stand_back(model: Model) -> None:
    seen = spoilt(1)
    counts = seen.counts.copy()
    counts[24, 30, 24] = np.nan
    scene = cleaned(curve_of(counts, seen.known, "scan"), PrepareOptions(cleaning=(), models={NAME: model}))
    assert any("stands back" in flag for flag in scene.flags)
    assert not scene.lost.size


def test_a_model_of_the_recipe_takes_its_seat_by_itself(model: Model) -> None:
    seen = spoilt(2)
    curve = curve_of(seen.counts, seen.known, "scan")
    for cleaning, steps in ((ALL_STEPS, (*ALL_STEPS, NAME)), ((NAME, "hot"), (NAME, "hot"))):
        scene = cleaned(curve, PrepareOptions(cleaning=cleaning, models={NAME: model}))
        assert tuple(step.name for step in scene.steps) == steps
    assert NAME not in (step.name for step in cleaned(curve, PrepareOptions()).steps)


def test_it_finds_hot_voxels_and_leaves_the_crystal(model: Model) -> None:
    """As its card says, with room for a few crystals being no hundred."""
    hits = truths = 0
    for seed in range(4):
        for odds in ({"pixels": 1.0, "zingers": 1.0}, {"aliens": 1.0}):
            seen = spoilt(10 + seed, **odds)
            curve = curve_of(seen.counts, seen.known, "scan")
            mask = lost(cleaned(curve, PrepareOptions(cleaning=(), models={NAME: model})))
            hits, truths = hits + int((mask & seen.hot).sum()), truths + int(seen.hot.sum())
            assert seen.crystal[mask & ~seen.hot & ~seen.alien].sum() < 0.005 * seen.crystal.sum()
    assert hits > 0.2 * truths > 0


def test_gaps_are_filled_where_it_is_sure_only(model: Model) -> None:
    seen = spoilt(20, gap=1.0)
    curve = curve_of(seen.counts, seen.known, "scan")
    options = PrepareOptions(cleaning=(), models={NAME: model}, bin_frames=1, largest_px=48, at_least_px=(48, 48))
    masked, filled = (prepare(curve, replace(options, fill_gaps=fill)) for fill in (False, True))
    step = next(step for step in filled.cleaning if step.name == "filled")
    newly = masked.mask & ~filled.mask
    assert int(newly.sum()) == step.voxels
    assert not (filled.mask & ~masked.mask).any()
    np.testing.assert_array_equal(filled.intensity[~newly], masked.intensity[~newly])
    assert (filled.intensity[newly] >= 0).all()
    assert filled.intensity[newly].sum() == pytest.approx(-step.counts_removed, rel=1e-4)


def test_the_median_filter_of_the_control_finds_a_hit() -> None:
    counts = np.random.default_rng(0).poisson(2.0, (4, 20, 20)).astype(np.float32)
    counts[2, 5, 6] = 100
    assert [tuple(at) for at in np.argwhere(mad_outliers(counts, np.ones(counts.shape, bool)))] == [(2, 5, 6)]


def test_the_task_is_the_same_wherever_it_is_made() -> None:
    assert type(TASK)().data_range == TASK.data_range
