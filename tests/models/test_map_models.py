"""What maps are learned from: labels that can be made again, frames whose truth is exact, losses that fall."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from braggline_models.learned.frame_strain import FrameStrain, Locator, centre_of_mass, frame_input, whole_roi
from braggline_models.learned.frame_strain_data import KINDS, drawn_frame, known
from braggline_models.learned.ranking import Ranking, labels, lit_scene
from braggline_models.learned.ranking_data import decoded, encoded, phased, scene
from braggline_models.learned.ranking_maps import Islands, matched
from braggline_models.learned.ranking_table import BLOCKS
from braggline_models.learned.ranking_view import LENGTH, centered_frame, packed, seen_in_map
from braggline_models.learned.task import Task
from braggline_models.maps import empty_map


class FewFrames(FrameStrain):
    batch_size = 8


class FewCrystals(Ranking):
    batch_size = 8


def fallen(task: Task, steps: int) -> tuple[float, float]:
    """Mean loss at the beginning and at the end of a short training on one batch's seed in eight."""
    torch.manual_seed(0)
    network = task.network()
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    losses = []
    for step in range(steps):
        optimizer.zero_grad()
        loss = task.loss(network, task.batch(np.random.default_rng(step % 8)))
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses[:4])), float(np.mean(losses[-4:]))


@pytest.mark.parametrize("task", [FewFrames(), FewCrystals()], ids=["frame_strain", "ranking"])
def test_a_short_training_makes_the_loss_fall(task: Task) -> None:
    first, last = fallen(task, 40)
    assert last < first


@pytest.mark.parametrize("task", [FewFrames(), FewCrystals()], ids=["frame_strain", "ranking"])
def test_the_same_seed_gives_the_same_batch(task: Task) -> None:
    a, b = (task.batch(np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(a.inputs, b.inputs)
    assert all(torch.equal(x, y) for x, y in zip(a.targets, b.targets, strict=True))
    assert np.isfinite(task.features(a.inputs)).all()


def test_the_table_is_what_phasing_gives() -> None:
    first = next(iter(BLOCKS))
    for k in (0, 1):
        again = encoded(phased(scene(first + k), first + k))
        assert again == BLOCKS[first][4 * k : 4 * k + 4]
    assert len(labels()) == sum(len(digits) // 4 for digits in BLOCKS.values())
    assert 0.1 < np.mean([outcome.correlation > 0.95 for _, outcome in labels()]) < 0.9


def test_an_outcome_survives_its_digits() -> None:
    outcome = decoded("f279")
    assert encoded(outcome) == "f279"
    assert outcome.resolution_m == pytest.approx(16.2e-9, rel=0.01)


def test_a_bright_frame_of_a_calm_crystal_tells_its_lattice() -> None:
    """Without strain inside, the centre of mass is the lattice's place but for the angle that is off."""
    off = []
    for seed in range(12):
        frame = drawn_frame(np.random.default_rng(seed), known(seed), known(seed + 1), frozenset({"bright"}))
        off.append(np.abs(centre_of_mass(frame.counts, frame.gap) - frame.lattice_px))
        assert frame.strain_per_px != 0
        assert frame.tilt_rad_per_px > 0
    assert np.median(off) < 1.5


def test_every_kind_of_trouble_is_drawn() -> None:
    for kind in KINDS:
        frame = drawn_frame(np.random.default_rng(1), known(1), known(2), frozenset({kind}))
        assert frame.gap.any() == (kind == "gap")
        assert not frame.counts[frame.gap].any()
        assert (np.abs(frame.lattice_px).max() > 24) == (kind == "edge")


def test_an_untrained_locator_begins_as_a_centre_of_mass() -> None:
    torch.manual_seed(0)
    network = Locator()
    for parameters in (network.leave.parameters(), network.whole[2].parameters()):
        for parameter in parameters:
            torch.nn.init.zeros_(parameter)
    counts, mask = np.zeros((64, 64), int), np.zeros((64, 64), bool)
    counts[10:13, 40:43] = 1000
    mask[30:34] = True
    with torch.inference_mode():
        row, column, *_ = network(frame_input(counts, mask))[0].tolist()
    assert (row, column) == pytest.approx(tuple(whole_roi(counts, mask)), abs=0.05)


def test_a_view_is_packed_and_a_frame_is_cut_about_its_peak() -> None:
    of, lit = lit_scene(1)
    view = seen_in_map(of, lit, np.random.default_rng(0))
    assert packed(view).shape == (1, LENGTH)
    whole = np.arange(100 * 120).reshape(100, 120)
    cut = centered_frame(whole, np.zeros(whole.shape, bool), (5.0, 119.0))
    assert cut[16, 16] == whole[5, 119]
    assert not cut[:11].any()
    assert not cut[:, 17:].any()
    assert not centered_frame(whole, np.ones(whole.shape, bool), (50.0, 50.0)).any()


def test_found_and_true_are_matched_once() -> None:
    map_ = empty_map("m", ("pix", "piy"), np.array([[0, 0], [1e-5, 0], [0, 1e-5], [1e-5, 1e-5]]), (1e-6, 1e-6))
    truth = Islands(
        np.array([[1e-6, 1e-6], [5e-6, 5e-6], [8e-6, 8e-6], [3e-5, 0]]), np.array([900.0, 900.0, 3.0, 900.0]), np.eye(2)
    )
    found = np.array([[1.1e-6, 1e-6], [0.9e-6, 1e-6], [8e-6, 8e-6]])
    assert matched(found, map_, truth) == (1.0, 1.0, 1.0)
