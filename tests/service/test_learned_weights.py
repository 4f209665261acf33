"""Weights on disk: whole and as recorded, or one clear line, and the pipeline goes on without the model."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from braggline_models.errors import BadInput
from braggline_models.learned import NAMES
from braggline_models.learned.range import fitted_range
from braggline_models.learned.tasks import task
from braggline_models.phase_retrieval import Recipe
from braggline_service.learned import weights
from braggline_service.learned.chosen import chosen_models
from braggline_service.learned.weights import SHIPPED, load_model, load_record, save_weights
from braggline_service.stages.pipeline import Pipeline

NAME = "spurious"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Untrained weights."""
    torch.manual_seed(3)
    known = fitted_range(np.random.default_rng(0).normal(size=(60, 8)))
    save_weights(tmp_path, task(NAME), task(NAME).network(), known, {"steps": 0, "seed": 3})
    return tmp_path


def refused(folder: Path, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        load_model(NAME, folder)
    assert "\n" not in str(caught.value)
    models, flags = chosen_models((NAME,), folder)
    assert not models
    assert len(flags) == 1
    assert flags[0].startswith(f"without the learned model '{NAME}'")


def test_what_is_saved_is_loaded(folder: Path) -> None:
    model = load_model(NAME, folder)
    torch.manual_seed(3)
    network = task(NAME).network()
    for ours, theirs in zip(model.network.parameters(), network.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert model.told == f"{NAME} {task(NAME).version} sha256:{load_record(NAME, folder).sha256[:12]}"
    models, flags = chosen_models((NAME,), folder)
    assert (set(models), flags) == ({NAME}, ())


def test_missing_weights(tmp_path: Path) -> None:
    refused(tmp_path, "no weights of 'spurious'; make them with `braggline train spurious`")


def test_weights_without_their_file(folder: Path) -> None:
    (folder / f"{NAME}.safetensors").unlink()
    refused(folder, "cannot be read")


def test_weights_of_another_version(folder: Path) -> None:
    record = json.loads((folder / f"{NAME}.json").read_text())
    (folder / f"{NAME}.json").write_text(json.dumps(record | {"version": 99}))
    refused(folder, "weights of version 99, this program has")


def test_one_bit_of_the_weights_changed(folder: Path) -> None:
    path = folder / f"{NAME}.safetensors"
    content = bytearray(path.read_bytes())
    content[-7] ^= 1
    path.write_bytes(content)
    refused(folder, "not the recorded weights")


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "spurious"}'])
def test_a_record_that_is_none(folder: Path, text: str) -> None:
    (folder / f"{NAME}.json").write_text(text)
    refused(folder, "cannot be read")


def test_weights_of_another_shape(tmp_path: Path) -> None:
    known = fitted_range(np.random.default_rng(0).normal(size=(60, 8)))
    save_weights(tmp_path, task(NAME), torch.nn.Linear(2, 3), known, {})
    refused(tmp_path, "does not fit 'spurious'")


def test_the_pipeline_goes_on_without_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    pipeline = Pipeline(replace(Recipe(), learned=(NAME,)), seed=0, threads=1)
    assert not pipeline.models
    assert pipeline.model_flags[0].startswith("without the learned model")


@pytest.mark.parametrize("name", NAMES)
def test_shipped_weights_are_small_and_have_a_card(name: str) -> None:
    model = load_model(name)
    assert (SHIPPED / f"{name}.safetensors").stat().st_size < 10e6
    card = (SHIPPED / f"{name}.md").read_text()
    assert model.sha256 in card
    assert "95 % intervals" in card


@pytest.mark.slow
def test_a_wheel_brings_the_weights(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, root]
    subprocess.run([*map(str, command)], check=True, capture_output=True, timeout=300)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        inside = set(wheel.namelist())
    for name in NAMES:
        for end in ("safetensors", "json", "md"):
            assert f"braggline_models/learned/weights/{name}.{end}" in inside
