"""The task 'spurious'."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import softplus

from braggline_models.learned.figures import mean, median, share
from braggline_models.learned.model import Model
from braggline_models.learned.spurious.answer import ALIEN, HOT, OUTPUTS, hidden_of
from braggline_models.learned.spurious.examples import drawn_example
from braggline_models.learned.spurious.inputs import CHANNELS, SCALE, features_of, inputs_of
from braggline_models.learned.spurious.judge import BINS, judged
from braggline_models.learned.spurious.network import HalvedUNet
from braggline_models.learned.task import Batch, Clock, Judgement, Measure, Task

WIDTHS = (16, 32, 64, 64)
MANY = 4 * 32**3  # voxels of a batch, or more
SIDES = (32,) * 17 + (48, 48, 64)
NEGATIVE = 2.0  # weight of all that is not spoilt, that of all that is being 1
EMPTY = 0.05  # weight of a voxel without counts, that of another being log(1 + I)
FEW = 10  # true voxels: fewer have less say
RARE = -2.0  # a logit
JITTER_PX = 1  # of the center: where the Bragg peak of a strained crystal lies, nobody knows better


NOTES = (
    "Tried: a plain cross entropy (463 steps: the base rate learned, nothing found); balanced cross entropy with "
    "inputs of a tenth (116 steps, slower by half); this one. Thresholds by the IoU on 42 validation crystals, among "
    "those that lose 0.1 % of the signal or less. The weights had 700 steps, a fraction of what the loss asks for, "
    "which was still falling: the targets are not reached, the cleaning steps and unknown voxels stay the default, and "
    "`learned: []` leaves the model out. More: `braggline train spurious` (4000 steps, about 0.3 s of CPU each)."
)
MEASURES: Mapping[str, Measure] = {
    "hot voxels found": Measure(share, target=0.99),
    "signal lost": Measure(mean, "lower", 1e-3),
    "alien IoU": Measure(mean, target=0.7),
    "alien counts found": Measure(mean),
    "gap correlation": Measure(mean, target=0.95, against="biharmonic"),
    "strain error": Measure(median, "lower", against="masked", unit="of the strain's rms"),
}


class Spurious(Task):
    name = "spurious"
    version = 1
    aim = (
        "Finds, voxel by voxel, counts that are not the crystal's: of aliens, hot pixels and hits. Says what a gap "
        "hides, with its own doubt; where the doubt is large the voxel stays unknown."
    )
    control = (
        "the cleaning steps dead, zingers, hot and aliens; a median filter (MAD) for hot pixels; for gaps unknown "
        "voxels (masked), biharmonic inpainting of each frame, and the pattern's own mirror image"
    )
    data_range = (
        "crystals of 0.16 to 0.44 of the window, 0 to 10 rad and a defect in five of seven, 1e4 to 1e8 photons, "
        "background to 0.3, windows of 32, 48 and 64 voxels; up to 2 aliens (peaks, streaks) of 1e-4 to 1 of the peak, "
        "0.2 % of the pixels hot, 0.3 hits a frame, gaps of 3 to 12 pixels, drifting beam"
    )
    steps = 4000
    learning_rate = 3e-3
    batch_size = 4
    bins = BINS
    measures = MEASURES
    notes = NOTES

    def network(self) -> torch.nn.Module:
        network = HalvedUNet(CHANNELS, len(OUTPUTS), WIDTHS)
        with torch.no_grad():
            for channel in (ALIEN, HOT):  # most voxels are neither
                network.leave.bias[8 * channel : 8 * channel + 8] = RARE
        return network

    def batch(self, rng: np.random.Generator) -> Batch:
        """Two windows of one of SIDES, or as many as make MANY voxels."""
        n = int(rng.choice(SIDES))
        drawn = [drawn_example(n, rng) for _ in range(max(2, MANY // n**3))]
        inputs = [inputs_of(e.counts, e.known, _near_middle(n, rng)) for e in drawn]
        truth = [np.stack([getattr(e, name) for e in drawn]) for name in ("alien", "hot", "known", "hidden")]
        log_crystal = np.log1p(np.stack([e.crystal for e in drawn]))
        return Batch(torch.cat(inputs), (*(torch.from_numpy(t) for t in truth), torch.from_numpy(log_crystal)))

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Cross entropy of the spoilt voxels, of the others (weighed by their log counts, since empty ones are easy),
        and the Gaussian likelihood of log(1 + I) in what is hidden."""
        answer = network(batch.inputs)
        alien, hot, known, hidden, log_crystal = batch.targets
        weight = (batch.inputs[:, 0] * SCALE + EMPTY) * known
        parts = [_entropy(answer[:, c], truth & known, weight) for c, truth in ((ALIEN, alien), (HOT, hot))]
        mean, log_variance = hidden_of(answer)
        if hidden.any():
            square = (mean[hidden] - log_crystal[hidden]).square()
            parts.append(0.5 * (square * torch.exp(-log_variance[hidden]) + log_variance[hidden]).mean())
        return torch.stack(parts).sum()

    def features(self, inputs: torch.Tensor) -> NDArray[np.float64]:
        return features_of(inputs)

    def judge(self, model: Model, which: int, seed: int, clock: Clock) -> Judgement:
        return judged(model, which, seed, clock)


def _entropy(logit: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The mean of - log p over the true voxels and NEGATIVE times that of - log(1 - p) over the others."""
    true = softplus(-logit[truth]).sum() / (truth.sum() + FEW)
    others = weight * ~truth
    return true + NEGATIVE * (softplus(logit) * others).sum() / others.sum()


def _near_middle(n: int, rng: np.random.Generator) -> tuple[int, int, int]:
    a, b, c = (n // 2 + int(k) for k in rng.integers(-JITTER_PX, JITTER_PX + 1, 3))
    return a, b, c


TASK = Spurious()
