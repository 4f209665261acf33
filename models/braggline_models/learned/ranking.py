"""Which crystals of a map are worth a rocking curve: will phasing succeed, and at what resolution?"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from braggline_models.learned.figures import auc, f1, median
from braggline_models.learned.model import Model
from braggline_models.learned.networks import Encoder
from braggline_models.learned.ranking_data import ENOUGH, SIDE, Outcome, Scene, decoded, phased, scene
from braggline_models.learned.ranking_maps import found_by_threshold, found_crystals, map_to_search
from braggline_models.learned.ranking_table import BLOCKS
from braggline_models.learned.ranking_view import PATCH, lit_of, packed, seen_in_map
from braggline_models.learned.task import Batch, Clock, Judgement, Measure, Picture, Task, Values
from braggline_models.maps.prospect import numbers, prospect
from braggline_models.simulate.lit import LitCrystal

BINS = ("crystals", "maps")
TEST_SEED = 7_000_000
RESOLUTION_WEIGHT, HINT_WEIGHT = 0.2, 0.2  # in the loss, beside success
LINEAR_EVERY, RIDGE = 3, 0.02  # of the table's crystals: seven weights need no more


class Ranker(nn.Module):
    """(n, LENGTH) to (n, 6): logit of success, ln of the resolution in 20 nm, and what is only learned to help: phase
    range in 8 rad, log10 photons less 5.5, size in 16 voxels, logit of a defect."""

    def __init__(self) -> None:
        super().__init__()
        self.frame = Encoder(2, 1, 24, (8, 16, 24))
        self.patch = nn.Sequential(nn.Linear(4 * PATCH**2, 32), nn.SiLU(), nn.Dropout(0.2))
        self.leave = nn.Sequential(nn.Dropout(0.1), nn.Linear(56, 48), nn.SiLU(), nn.Linear(48, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        around, frame = x[:, : 4 * PATCH**2], x[:, 4 * PATCH**2 :].reshape(-1, 1, SIDE, SIDE)
        answer: torch.Tensor = self.leave(torch.cat([self.frame(frame), self.patch(around)], dim=1))
        return answer


@lru_cache(maxsize=1)
def labels() -> tuple[tuple[int, Outcome], ...]:
    """Seed and outcome of every crystal of the table."""
    return tuple(
        (first + k // 4, decoded(digits[k : k + 4]))
        for first, digits in BLOCKS.items()
        for k in range(0, len(digits), 4)
    )


@lru_cache(maxsize=4096)
def lit_scene(seed: int) -> tuple[Scene, tuple[LitCrystal, ...]]:
    """Drawn once, seen in many maps."""
    of = scene(seed)
    return of, lit_of(of)


class Ranking(Task):
    name = "ranking"
    version = 1
    aim = "For each crystal found in a map: the probability that its rocking curve can be phased, and the resolution."
    control = (
        "ranking by integrated intensity in the map; beside it ('linear'), a logistic regression on six numbers of the "
        "same view: counts, their spread over points, wander of the peak, width and speckle of the frame. Detection: "
        "peaks that stand out of their surroundings (find_crystals, not learned) against a threshold on the map"
    )
    data_range = (
        "800 drawn crystals of 100-290 nm (phase range 0-8 rad, defects in half, 2e4-1e7 photons in the curve, three "
        "in ten beside another crystal), each phased from its rocking curve (32^3, 4 runs); seen in endless maps of "
        "60-250 nm beams, steps of 0.4-1.2 beams, angles off by 1.5 frames rms; success: correlation with the truth "
        "above 0.95"
    )
    steps = 200
    batch_size = 32
    learning_rate = 2e-3
    bins = BINS
    test_seed = TEST_SEED
    notes = (
        "The network is ahead of integrated intensity by less than the noise, and behind the logistic regression on "
        "six numbers, by which `braggline map --rank` ranks: the network is asked only where --network is given. "
        "The resolution that it tells is no better than the mean. One network, one training, "
        "800 labels: what two shared cores allowed. Even a logistic regression that is told "
        "phase range, photons, size, number of defects and whether there is a neighbour, fitted to and judged on 791 "
        "of the labels, has an AUC of 0.88 only: whether phasing succeeds is partly chance. The recipe that labels "
        "is a shorter one without refinement. In maps a crystal is there from 50 counts in a frame on, and found "
        "within 200 nm across the beam, which drifts by 50 nm. The beam grazes the sample, which blurs a map three "
        "times along pix: in six maps that were looked at, what was missed had a brighter neighbour. Where the "
        "peaks of two neighbours lie apart on the detector they could be told apart: not tried."
    )
    measures = {  # noqa: RUF012
        "AUC": Measure(auc, "higher", 0.90),
        "resolution error": Measure(median, "lower", None, against="mean", unit="ln, median, successes"),
        "detection F1": Measure(f1, "higher", 0.95, ours="find_crystals", against="threshold"),
    }

    def network(self) -> torch.nn.Module:
        return Ranker()

    def batch(self, rng: np.random.Generator) -> Batch:
        known = labels()
        views, targets = [], []
        for k in rng.integers(len(known), size=self.batch_size):
            seed, outcome = known[int(k)]
            of, lit = lit_scene(seed)
            views.append(packed(seen_in_map(of, lit, rng)))
            targets.append(_target(of, outcome))
        return Batch(torch.cat(views), (torch.tensor(targets, dtype=torch.float32),))

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Cross entropy of success; the resolution counts where phasing succeeded; hints of what makes it fail."""
        found, (target,) = network(batch.inputs), batch.targets
        success = target[:, 0]
        main = nn.functional.binary_cross_entropy_with_logits(found[:, 0], success)
        resolution = ((found[:, 1] - target[:, 1]).abs() * success).mean()
        hints = (found[:, 2:5] - target[:, 2:5]).square().mean()
        hints = hints + nn.functional.binary_cross_entropy_with_logits(found[:, 5], target[:, 5])
        return main + RESOLUTION_WEIGHT * resolution + HINT_WEIGHT * hints

    def features(self, inputs: torch.Tensor) -> NDArray[np.float64]:
        """Integrated counts, known share of the patch, wander of the peak; brightest pixel, lit share of the frame."""
        around = inputs[:, : 4 * PATCH**2].double().reshape(-1, 4, PATCH**2)
        frame = inputs[:, 4 * PATCH**2 :].double()
        rows = [
            torch.log1p(torch.expm1(5.0 * around[:, 0]).sum(dim=1)), around[:, 3].mean(dim=1),
            around[:, 1].square().mean(dim=1).sqrt(), around[:, 2].square().mean(dim=1).sqrt(),
            frame.amax(dim=1), (frame > 0).double().mean(dim=1),
        ]  # fmt: skip
        return torch.stack(rows, dim=1).numpy()

    def judge(self, model: Model, which: int, seed: int, clock: Clock) -> Judgement:
        if BINS[which] == "maps":
            return _judged_map(seed, clock)
        of = scene(seed)
        outcome = phased(of, seed)
        view = seen_in_map(of, lit_of(of), np.random.default_rng([seed, 4]))
        begun = clock()
        answer = model(packed(view))[0].double().numpy()
        cpu_s = {"learned": clock() - begun}
        success = float(outcome.correlation > ENOUGH)
        scores = {
            "learned": float(answer[0]), "control": view.counts,
            "linear": prospect(view.patch, view.frame),
        }  # fmt: skip
        values: dict[tuple[str, str], Values] = {("AUC", arm): (score, success) for arm, score in scores.items()}
        if success:
            true = np.log(outcome.resolution_m / 20e-9)
            values["resolution error", "learned"] = (abs(float(answer[1]) - true),)
            values["resolution error", "mean"] = (abs(mean_resolution() - true),)
        wrong = 1 / (1 + np.exp(-answer[0] * (1 if success else -1)))
        title = f"{'success' if success else 'failure'} told with {100 * wrong:.0f} %"
        panels = (("log counts", np.log1p(np.maximum(view.patch[0], 0))), ("brightest frame", np.log1p(view.frame)))
        return Judgement(values, cpu_s, Picture(title, panels, float(1 - wrong)))


def _judged_map(seed: int, clock: Clock) -> Judgement:
    """(hits, false, missed) of one map."""
    map_, truth = map_to_search(seed)
    begun = clock()
    ours = found_crystals(map_, truth)
    spent = clock() - begun
    values = {("detection F1", "find_crystals"): ours, ("detection F1", "threshold"): found_by_threshold(map_, truth)}
    return Judgement(values, {"find_crystals": spent})


def _target(of: Scene, outcome: Outcome) -> list[float]:
    return [
        float(outcome.correlation > ENOUGH), float(np.log(outcome.resolution_m / 20e-9)),
        of.crystal.phase_range_rad / 8.0, float(np.log10(of.crystal.photons)) - 5.5, of.crystal.size_voxels / 16.0,
        float(bool(of.crystal.defects)),
    ]  # fmt: skip


@lru_cache(maxsize=1)
def mean_resolution() -> float:
    """Median of the table's successes, ln of 20 nm: what is guessed without looking."""
    return float(np.median([np.log(o.resolution_m / 20e-9) for _, o in labels() if o.correlation > ENOUGH]))


@lru_cache(maxsize=1)
def linear_arm() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (6,) and weights (7,) of maps/prospect.py: a logistic regression on the table's crystals, a little ridge."""
    rng = np.random.default_rng(5)
    rows, success = [], []
    for seed, outcome in labels()[::LINEAR_EVERY]:
        of = scene(seed)
        view = seen_in_map(of, lit_of(of), rng)
        rows.append(numbers(view.patch, view.frame))
        success.append(float(outcome.correlation > ENOUGH))
    x, y = np.array(rows), np.array(success)
    mean, scale = x.mean(axis=0), x.std(axis=0)
    x = np.concatenate([(x - mean) / scale, np.ones((len(x), 1))], axis=1)
    w = np.zeros(x.shape[1])
    for _ in range(20):
        p = 1 / (1 + np.exp(-x @ w))
        hessian = (x * (p * (1 - p))[:, None]).T @ x / len(x) + RIDGE * np.eye(len(w))
        w += np.linalg.solve(hessian, x.T @ (y - p) / len(x) - RIDGE * w)
    return mean, np.concatenate([w[:-1] / scale, w[-1:]])


TASK = Ranking()
