"""Does this pattern come from a crystal with a dislocation or a fault? Asked before any phasing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from braggline_models.learned.figures import auc
from braggline_models.learned.model import Model
from braggline_models.learned.networks import Encoder
from braggline_models.learned.task import Batch, Clock, Judgement, Measure, Picture, Task
from braggline_models.scan import PreparedVolume
from braggline_models.simulate.crystal_range import CrystalRange
from braggline_models.simulate.drawn import drawn_crystal

SIDE = 32  # voxels about the Bragg peak that are looked at
POOL = 1000  # patterns that a training sees again and again, each time turned another way
DRAWN_SIZES = ((32, 0.95), (48, 0.05))
RANGE = CrystalRange(
    photons=(1e5, 1e8), second_defect=0.0, invisible=0.0,
    defects=(("none", 4), ("screw", 1), ("edge", 1), ("mixed", 1), ("stacking_fault", 1)),
)  # fmt: skip
PHASES_RAD = ((0.0, 3.0), (3.0, 6.0), (6.0, 12.0))
BINS = ("0 to 3 rad", "3 to 6 rad", "6 to 12 rad")
FAINTEST = 1e-6  # of the brightest voxel
TRAINING, JUDGING = 41, 42


def views(volume: PreparedVolume) -> NDArray[np.float32]:
    """(6, SIDE, SIDE): log of the sums along, and of the sections across, each axis about the peak, 0..1.

    Voxels that are not known count as 0.
    """
    box = _about_peak(volume)
    box = np.where(np.isfinite(box), np.maximum(box, 0.0), 0.0).astype(np.float64)
    sums = [box.sum(axis=axis) for axis in range(3)]
    sections = [np.take(box, range(SIDE // 2 - 1, SIDE // 2 + 2), axis=axis).mean(axis=axis) for axis in range(3)]
    return np.stack([_log(image) for image in (*sums, *sections)])


def defect_probability(model: Model, volume: PreparedVolume) -> tuple[float, float]:
    """P(a dislocation or fault that the reflection sees), and how far the pattern is from what the model knows."""
    inputs = torch.from_numpy(views(volume)[None])
    return float(torch.sigmoid(model(inputs))[0, 0]), model.outside(inputs)


def breadth(seen: NDArray[np.float32]) -> float:
    """The control's score: log of the peak's second moment, the mean of three projections."""
    moments = []
    for image in seen[:3]:
        weight = np.exp((1.0 - image.astype(float)) * np.log(FAINTEST))
        y, x = np.indices(weight.shape) - SIDE // 2
        total = weight.sum()
        my, mx = (weight * y).sum() / total, (weight * x).sum() / total
        moments.append((weight * ((y - my) ** 2 + (x - mx) ** 2)).sum() / total)
    return float(np.log(np.mean(moments)))


def _about_peak(volume: PreparedVolume) -> NDArray[np.floating]:
    """The box, its middle on the brightest voxel after light smoothing; zeros beyond the volume."""
    known = np.where(volume.mask, 0.0, volume.intensity)
    total = [known.sum(axis=tuple(b for b in range(3) if b != axis)) for axis in range(3)]
    at = [int(np.rint((np.arange(len(t)) * t**2).sum() / max(float((t**2).sum()), 1e-30))) for t in total]
    box = np.zeros((SIDE,) * 3)
    starts = [a - SIDE // 2 for a in at]
    into = tuple(slice(max(-s, 0), min(SIDE, n - s)) for s, n in zip(starts, known.shape, strict=True))
    out = tuple(slice(max(s, 0), min(s + SIDE, n)) for s, n in zip(starts, known.shape, strict=True))
    box[into] = known[out]
    return box


def _log(image: NDArray[np.floating]) -> NDArray[np.float32]:
    largest = max(float(image.max()), 1e-30)
    return np.asarray(1.0 - np.log(np.maximum(image / largest, FAINTEST)) / np.log(FAINTEST), np.float32)


@lru_cache(maxsize=POOL)
def _seen(which: int) -> tuple[NDArray[np.float32], float]:
    rng = np.random.default_rng([TRAINING, which])
    n = int(rng.choice([size for size, _ in DRAWN_SIZES], p=[odds for _, odds in DRAWN_SIZES]))
    return _drawn(n, RANGE, rng)


def _drawn(n: int, range_: CrystalRange, rng: np.random.Generator) -> tuple[NDArray[np.float32], float]:
    crystal = drawn_crystal(n, rng, range_)
    volume = crystal.prepared(rng.poisson(crystal.expected).astype(np.float32))
    return views(volume), float(any(defect.visible for defect in crystal.defects))


def _turned(seen: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """The same crystal's pattern with its axes mirrored: a mirrored crystal has the same defects."""
    flips = rng.random(3) < 0.5
    turned = np.empty_like(seen)
    for view in range(6):
        rows, columns = (axis for axis in range(3) if axis != view % 3)
        image = seen[view][:: -1 if flips[rows] else 1, :: -1 if flips[columns] else 1]
        shift = (int(flips[rows]), int(flips[columns]))  # the middle is not between two voxels
        turned[view] = np.roll(image, shift, (0, 1))
    return turned


class Triage(Task):
    name = "triage"
    version = 1
    aim = (
        "Tells from the pattern alone, before any phasing, how probable a dislocation or stacking fault is that the "
        "reflection sees."
    )
    control = "second moment of the peak in three projections: a defect makes it broad or splits it"
    data_range = (
        "fcc crystals of the simulator (Pt, Ni, Au, Cu; 111, 200, 220), 0 to 12 rad of smooth phase, 1e5 to 1e8 "
        "photons, coherence to 0.5 pixel; every other one with one visible line or fault"
    )
    notes = (
        "One network, trained once on 1000 patterns. Twins are not among its defects. Crystals in whole detector "
        "windows and gaps were not in the training."
    )
    steps = 400
    batch_size = 32
    learning_rate = 2e-3
    bins = BINS
    test_seed = 7_200_000
    measures: Mapping[str, Measure] = {"AUC": Measure(auc, target=0.85)}

    def network(self) -> torch.nn.Module:
        return Encoder(2, 6, 1, (8, 16, 32))

    def batch(self, rng: np.random.Generator) -> Batch:
        drawn = [_seen(int(which)) for which in rng.integers(0, POOL, self.batch_size)]
        inputs = np.stack([_turned(seen, rng) for seen, _ in drawn])
        return Batch(torch.from_numpy(inputs), (torch.tensor([[label] for _, label in drawn]),))

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        return nn.functional.binary_cross_entropy_with_logits(network(batch.inputs), batch.targets[0])

    def features(self, inputs: torch.Tensor) -> NDArray[np.float64]:
        """Mean and spread of each view, and how wide the peak is."""
        flat = inputs.double().flatten(2)
        wide = (flat > 0.5).double().mean(dim=2)
        return torch.cat([flat.mean(dim=2), flat.std(dim=2), wide], dim=1).numpy()

    def judge(self, model: Model, which: int, seed: int, clock: Clock) -> Judgement:
        rng = np.random.default_rng([JUDGING, seed])
        seen, label = _drawn(SIDE, replace(RANGE, phase_range_rad=PHASES_RAD[which]), rng)
        begun = clock()
        score = float(model(torch.from_numpy(seen[None]))[0, 0])
        learned = clock()
        plain = breadth(seen)
        costs = {"learned": learned - begun, "control": clock() - learned}
        picture = Picture(
            f"{'defect' if label else 'none'}, odds {score:+.1f}, seed {seed}",
            tuple((name, seen[k]) for k, name in enumerate(("sum, frames", "sum, rows", "sum, columns"))),
            -score if label else score,
        )  # fmt: skip
        return Judgement({("AUC", "learned"): (score, label), ("AUC", "control"): (plain, label)}, costs, picture)


TASK = Triage()
