"""The learned kinds of defects and the triage: what goes in, that they learn, what the shipped weights are worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from braggline_models.defects import suspects
from braggline_models.learned import defect_trials as trials
from braggline_models.learned import triage
from braggline_models.learned.defect_values import BEFORE, LINE_VALUES, PLANE_VALUES, values_of
from braggline_models.learned.defects import POOL, TASK, told_by_model
from braggline_models.learned.task import Batch
from braggline_models.simulate.drawn import drawn_crystal
from braggline_service.learned.weights import load_model


def trial_of(kind: str) -> trials.Trial:
    """The first of the seeds that no training sees whose crystal has that kind."""
    return next(trial for seed in range(POOL, POOL + 200) if (trial := trials.drawn_trial(seed)).kind == kind)


def test_values_are_finite_and_tell_lines_from_planes() -> None:
    trial = trial_of("edge")
    found = suspects(trial.strain, trial.psi, trial.crystal.reflection)
    values = np.stack([values_of(each) for each in found])
    assert values.shape[1] == BEFORE + LINE_VALUES + PLANE_VALUES
    assert np.isfinite(values).all()
    lines = values[:, 0] == 0
    assert lines.any()
    assert not lines.all()
    assert not values[lines, BEFORE + LINE_VALUES :].any()
    assert not values[~lines, BEFORE : BEFORE + LINE_VALUES].any()


def test_the_truth_about_a_suspect() -> None:
    trial = trial_of("screw")
    found = suspects(trial.strain, trial.psi, trial.crystal.reflection)
    told = [trials.truth_of(each, trial) for each in found]
    assert set(told) <= {"screw", "none"}
    (far,) = (each for each in found if each.plane is not None)
    assert trials.truth_of(far, trial) == "none"
    moved = replace(found[0].defect, position_m=found[0].defect.position_m + 10 * trial.strain.voxel_size_m)
    assert trials.distance_voxels(moved, trial) > trials.NEAR_VOXELS


def test_a_line_is_never_called_a_plane() -> None:
    network = TASK.network().eval()
    values = torch.randn(16, BEFORE + LINE_VALUES + PLANE_VALUES)
    values[:, 0] = torch.arange(16) % 2
    best = network(values).argmax(dim=1)
    assert set(best[::2].tolist()) <= {0, 1, 2, 3}
    assert set(best[1::2].tolist()) <= {0, 4, 5}


def falls(task: object, batch: Batch, steps: int) -> float:
    """The loss after some steps on one batch, over that before."""
    torch.manual_seed(0)
    network = task.network()  # type: ignore[attr-defined]
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    losses = []
    for _ in range(steps):
        loss = task.loss(network, batch)  # type: ignore[attr-defined]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses[-1] / losses[0]


@pytest.mark.slow
def test_the_kinds_are_learned() -> None:
    assert falls(TASK, TASK.batch(np.random.default_rng(0)), 80) < 0.5


@pytest.mark.slow
def test_the_triage_is_learned() -> None:
    batch = triage.TASK.batch(np.random.default_rng(0))
    assert batch.inputs.shape == (triage.TASK.batch_size, 6, triage.SIDE, triage.SIDE)
    assert float(batch.inputs.amin()) >= 0.0
    assert float(batch.inputs.amax()) == 1.0
    assert falls(triage.TASK, batch, 25) < 0.7


def test_views_do_not_depend_on_the_scale_of_the_counts_nor_on_where_the_peak_is() -> None:
    crystal = drawn_crystal(triage.SIDE, np.random.default_rng(3), triage.RANGE)
    volume = crystal.prepared(crystal.expected)
    seen = triage.views(volume)
    np.testing.assert_allclose(triage.views(replace(volume, intensity=7 * volume.intensity)), seen, atol=1e-5)
    wide = np.pad(volume.intensity, ((0, 12), (5, 7), (3, 0)))
    moved = replace(volume, intensity=wide, mask=np.zeros(wide.shape, bool))
    np.testing.assert_allclose(triage.views(moved), seen, atol=1e-5)


@pytest.mark.slow
def test_shipped_weights_name_what_they_have_not_seen() -> None:
    model = load_model("defects")
    right, outside = [], []
    for seed in range(POOL, POOL + 30):
        trial = trials.drawn_trial(seed)
        found = suspects(trial.strain, trial.psi, trial.crystal.reflection)
        report, away = told_by_model(model, found)
        if trial.kind != "twin" or trial.other_side() >= trials.OTHER_SIDE:
            right.append(trials.kind_of(report) == trial.kind)
        outside.append(away)
    assert np.mean(right) > 0.6
    assert np.median(outside) < 1.0


@pytest.mark.slow
def test_shipped_triage_ranks_patterns() -> None:
    model = load_model("triage")
    scores = {True: [], False: []}  # type: dict[bool, list[float]]
    for seed in range(60):
        rng = np.random.default_rng([99, seed])
        crystal = drawn_crystal(triage.SIDE, rng, replace(triage.RANGE, phase_range_rad=(0.0, 4.0)))
        odds, _ = triage.defect_probability(model, crystal.prepared(rng.poisson(crystal.expected)))
        scores[any(defect.visible for defect in crystal.defects)].append(odds)
    assert np.median(scores[True]) > np.median(scores[False])
