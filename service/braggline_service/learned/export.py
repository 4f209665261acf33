"""A trained network for other programs."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch

from braggline_models.learned.tasks import task
from braggline_service.learned.weights import load_model
from braggline_service.nexus import written_whole


def write_torchscript(path: Path, name: str, folder: Path) -> None:
    """The network traced for inputs of the task's own shape, with the model's name, version and hash inside."""
    model = load_model(name, folder)
    example = task(name).batch(np.random.default_rng(0)).inputs[:1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch.export gives nothing that older programs read
        traced = torch.jit.trace(model.network, example)
        with written_whole(path) as part:
            torch.jit.save(traced, str(part), _extra_files={"braggline": model.told.encode()})
