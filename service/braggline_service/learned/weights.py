"""Weights: NAME.safetensors, and NAME.json with their hash, version and history beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

import braggline_models.learned
from braggline_models.errors import BadInput
from braggline_models.learned.model import Model
from braggline_models.learned.range import KnownRange
from braggline_models.learned.task import Task
from braggline_models.learned.tasks import task
from braggline_service.nexus import written_whole

SHIPPED = Path(braggline_models.learned.__file__).parent / "weights"
RANGE = "known_range."  # tensors that are no parameters


@dataclass(frozen=True)
class Record:
    """What NAME.json says: which task, the file's hash, and how the weights came about."""

    name: str
    version: int
    sha256: str
    trained: Mapping[str, Any]


def save_weights(
    folder: Path, of: Task, network: torch.nn.Module, known: KnownRange, trained: Mapping[str, Any]
) -> Record:
    """Both files, whole or not at all; the record comes last, so that it never speaks of weights that are not there."""
    tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    tensors |= {
        f"{RANGE}mean": torch.from_numpy(known.mean),
        f"{RANGE}precision": torch.from_numpy(known.precision),
        f"{RANGE}limit": torch.tensor(known.limit, dtype=torch.float64),
    }
    content = save(tensors, {"task": of.name, "version": str(of.version)})
    record = Record(of.name, of.version, hashlib.sha256(content).hexdigest(), dict(trained))
    with written_whole(_weights(folder, of.name)) as part:
        part.write_bytes(content)
    with written_whole(_record(folder, of.name)) as part:
        part.write_text(json.dumps(asdict(record), indent=2) + "\n")
    return record


def load_record(name: str, folder: Path = SHIPPED) -> Record:
    """BadInput where there is none, or it is not one."""
    path = _record(folder, name)
    try:
        return Record(**json.loads(path.read_text()))
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no weights of '{name}'; make them with `braggline train {name}`") from error
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(f"{path}: cannot be read ({' '.join(str(error).split())}); install them again") from error


def load_model(name: str, folder: Path = SHIPPED) -> Model:
    """The trained model of a task. BadInput for weights that are missing, of another version, or not as recorded."""
    of, record, path = task(name), load_record(name, folder), _weights(folder, name)
    if record.version != of.version:
        raise BadInput(
            f"{path}: weights of version {record.version}, this program has {of.version} of '{name}'; "
            f"make them again with `braggline train {name}`"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); make them with `braggline train {name}`") from error
    found = hashlib.sha256(content).hexdigest()
    if found != record.sha256:
        raise BadInput(
            f"{path}: not the recorded weights (hash {found[:12]}, {record.sha256[:12]} expected); restore it"
        )
    network = of.network()
    try:
        tensors = load(content)
        mean, precision, limit = (tensors.pop(RANGE + key).double().numpy() for key in ("mean", "precision", "limit"))
        network.load_state_dict(tensors)
    except (SafetensorError, RuntimeError, KeyError) as error:
        raise BadInput(f"{path}: does not fit '{name}' ({' '.join(str(error).split())[:160]}); restore it") from error
    known = KnownRange(mean, precision, float(limit))
    return Model(of.name, of.version, record.sha256, network.eval(), known, of.features)


def _weights(folder: Path, name: str) -> Path:
    return folder / f"{name}.safetensors"


def _record(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"
