"""What a trained network says of one window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from braggline_models.learned.model import Model
from braggline_models.learned.spurious.inputs import Center, inputs_of
from braggline_models.scan import BoolArray

OUTPUTS = ALIEN, HOT, MEAN, LOG_VARIANCE = range(4)  # logits of a spoilt voxel; log(1 + I) of the crystal and its doubt
LEAST_LOG_VARIANCE = -8.0
MEAN_SCALE = 8.0  # of log(1 + I), about its range
MULTIPLE = 16  # of which the network wants every side


@dataclass(frozen=True)
class Answer:
    """float32 of the window's shape: probabilities that a voxel is spoilt, log(1 + I) of the crystal alone with its
    standard deviation; outside: how unfamiliar the window is, above 1 nothing of this is to be believed."""

    alien: NDArray[np.float32]
    hot: NDArray[np.float32]
    log_mean: NDArray[np.float32]
    log_std: NDArray[np.float32]
    outside: float


def answered(model: Model, counts: NDArray[np.floating], known: BoolArray, center: Center) -> Answer:
    """counts (n_f, n_r, n_c), known True where data, center index of the Bragg peak.

    Sides are made multiples of MULTIPLE by voxels that are not known. Raises BadInput where a count is no number.
    """
    shape = counts.shape
    wide = [(0, -n % MULTIPLE) for n in shape]
    inputs = inputs_of(np.pad(counts, wide), np.pad(known, wide), center)
    answer = model(inputs)[..., : shape[0], : shape[1], : shape[2]]
    mean, log_variance = hidden_of(answer)
    alien, hot = torch.sigmoid(answer[0, :2]).numpy()
    std = torch.exp(0.5 * log_variance[0]).numpy()
    return Answer(alien, hot, mean[0].numpy(), std, model.outside(inputs))


def hidden_of(answer: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and log variance of log(1 + I), (n, ...) each, from the network's answer (n, 4, ...)."""
    excess = torch.nn.functional.softplus(answer[:, LOG_VARIANCE] - LEAST_LOG_VARIANCE)
    return MEAN_SCALE * answer[:, MEAN], LEAST_LOG_VARIANCE + excess
