"""The kinds of dislocation lines and of dark planes, from what was measured around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from braggline_models.defects.suspects import Suspect, suspects, told_by_rule
from braggline_models.learned import defect_trials as trials
from braggline_models.learned.defect_values import BEFORE, LINE_VALUES, PLANE_VALUES, values_of
from braggline_models.learned.figures import mean, share
from braggline_models.learned.model import Model
from braggline_models.learned.task import Batch, Clock, Judgement, Measure, Picture, Task
from braggline_models.results import Defect, DefectReport

OF_LINES = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
OF_PLANES = torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 1.0])
IMPOSSIBLE = -30.0
WIDTH = 64
DROPPED = 0.15
POOL = 400  # crystals that a training sees again and again
JITTER = 0.03  # of the values, at each sight
UNTOLD = 0.25  # share of sights at which the reflection is not told


class DefectNet(nn.Module):
    """Two perceptrons, one for lines and one for planes: (n, values) to the logits of trials.KINDS (n, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.lines, self.planes = _perceptron(LINE_VALUES), _perceptron(PLANE_VALUES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        plane = x[:, :1]
        lines = self.lines(x[:, BEFORE : BEFORE + LINE_VALUES])
        planes = self.planes(x[:, BEFORE + LINE_VALUES :])
        allowed = plane * OF_PLANES.to(x) + (1.0 - plane) * OF_LINES.to(x)
        return plane * planes + (1.0 - plane) * lines + IMPOSSIBLE * (1.0 - allowed)


def _perceptron(inputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, WIDTH), nn.SiLU(), nn.Dropout(DROPPED),
        nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Dropout(DROPPED), nn.Linear(WIDTH, len(trials.KINDS)),
    )  # fmt: skip


def told_by_model(model: Model, found: Sequence[Suspect]) -> tuple[DefectReport, float]:
    """The report of all suspects that are more likely a defect than none, with P(kind) as confidence; and how far the
    worst of them is from what the model knows: above 1 the report should not be used."""
    if not found:
        return DefectReport((), True), 0.0
    inputs = torch.from_numpy(np.stack([values_of(each) for each in found]))
    odds = torch.softmax(model(inputs), dim=1).double().numpy()
    lines: list[Defect] = []
    planes: list[Defect] = []
    for each, p in zip(found, odds, strict=True):
        if p[0] < 0.5:
            best = 1 + int(np.argmax(p[1:]))
            told = replace(each.defect, kind=trials.KINDS[best], confidence=float(p[best]))
            (lines if each.plane is None else planes).append(told)
    report = DefectReport(tuple(sorted(lines, key=lambda line: -line.confidence)), True, tuple(planes))
    return report, model.outside(inputs)


@lru_cache(maxsize=POOL)
def _seen(which: int) -> tuple[tuple[NDArray[np.float32], NDArray[np.float32], int], ...]:
    """Values with and without the reflection, and kind, of every suspect in crystal `which` of the pool."""
    trial = trials.drawn_trial(which)
    found = suspects(trial.strain, trial.psi, trial.crystal.reflection)
    untold = [values_of(each.without_reflection()) for each in found]
    labels = [trials.KINDS.index(trials.truth_of(each, trial)) for each in found]
    return tuple(zip((values_of(each) for each in found), untold, labels, strict=True))


class DefectKinds(Task):
    name = "defects"
    version = 1
    aim = (
        "Names what winding numbers and dark planes find: screw, edge or mixed dislocation, stacking fault, twin, or "
        "nothing but noise, with a probability."
    )
    control = (
        "winding numbers, faint lines too; least-squares fit of the elastic displacement, and the slip system of the "
        "reflection that is nearest; thresholds on contrast and phase step of the darkest plane. 'winding': lines "
        "alone, of no kind"
    )
    data_range = (
        "fcc crystals of the simulator (Pt, Ni, Au, Cu; 111, 200, 220), 9 to 27 voxels across, 0 to 6 rad of smooth "
        "phase, 1e6 to 1e8 photons, coherence to 0.3 pixel; moduli measured, phases true but for a smooth error"
    )
    notes = (
        "One network, trained once; weighing its odds for lines with the rule's likelihood was tried on 105 crystals "
        "that are not in the test set and brought nothing that chance does not. The training saw no object of the "
        "engine itself: its objects agree with the surrogate to 0.99. A twin that goes on to the surface leaves one "
        "more face and is not claimed. A lamella with little behind it is lost in phase retrieval."
    )
    steps = 1200
    batch_size = 48
    learning_rate = 3e-3
    bins = trials.BINS
    measures: Mapping[str, Measure] = {
        "type accuracy": Measure(mean, target=0.85),
        "type accuracy, one-sided twins left out": Measure(mean, target=0.85),
        **{f"type accuracy, {kind}": Measure(mean) for kind in trials.KINDS},
        "line recall": Measure(share, target=0.95, against="winding"),
        "line recall where phased": Measure(share, target=0.95, against="winding"),
        "false lines a crystal": Measure(mean, "lower", 0.1, against="winding"),
        "localisation": Measure(mean, "lower", 1.5, against="winding", unit="voxel"),
        "type accuracy, reflection not told": Measure(mean, target=0.85),
    }

    def network(self) -> torch.nn.Module:
        return DefectNet()

    def batch(self, rng: np.random.Generator) -> Batch:
        rows, kinds = [], []
        for which in rng.integers(0, POOL, self.batch_size):
            for told, untold, kind in _seen(int(which)):
                rows.append(untold if rng.random() < UNTOLD else told)
                kinds.append(kind)
        values = np.stack(rows)
        values[:, BEFORE:] *= 1.0 + JITTER * rng.standard_normal(values[:, BEFORE:].shape, np.float32)
        return Batch(torch.from_numpy(values), (torch.tensor(kinds),))

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        return nn.functional.cross_entropy(network(batch.inputs), batch.targets[0], label_smoothing=0.02)

    def features(self, inputs: torch.Tensor) -> NDArray[np.float64]:
        return inputs[:, 1:BEFORE].double().numpy()

    def judge(self, model: Model, which: int, seed: int, clock: Clock) -> Judgement:
        trial = trials.judged_trial(which, seed)
        begun = clock()
        found = suspects(trial.strain, trial.psi, trial.crystal.reflection)
        measured = clock()
        rule = told_by_rule(found, faint=True)
        ruled = clock()
        learned, _ = told_by_model(model, found)
        named = clock()
        untold = [each.without_reflection() for each in found]
        winding = trials.winding_alone(told_by_rule(found))
        values = trials.scores({"learned": learned, "control": rule, "winding": winding}, trial)
        values |= trials.untold_scores(
            {"learned": told_by_model(model, untold)[0], "control": told_by_rule(untold, faint=True)}, trial
        )
        costs = {"control": ruled - begun, "learned": measured - begun + named - ruled}
        return Judgement(values, costs, _picture(trial, trials.kind_of(learned)))


def _picture(trial: trials.Trial, kind: str) -> Picture | None:
    if kind == trial.kind:
        return None
    where = trial.middle()
    panels = tuple(
        (f"{name}, {label}", np.take(values, at, axis=axis))
        for axis, (label, at) in enumerate(zip("zyx", where, strict=True))
        for name, values in (("|psi|", np.abs(trial.psi)), ("phase", np.angle(trial.psi)))
    )
    return Picture(f"{trial.kind} taken for {kind}, seed {trial.seed}", panels, 1.0)


TASK = DefectKinds()
