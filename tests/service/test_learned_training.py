"""Training, evaluation and export as a person starts them, and that they can be stopped and repeated."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import load_file

from braggline_models.errors import BadInput
from braggline_models.learned.tasks import task
from braggline_service.learned import training
from braggline_service.learned.training import Plan, train
from braggline_service.learned.weights import SHIPPED, load_model

NAME, STEPS = "spurious", 40


def braggline(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "braggline_service.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=500)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    done = braggline("train", NAME, "-o", folder, "--steps", STEPS, "--workers", 0, "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["name"], record["version"], record["trained"]["steps"]) == (NAME, task(NAME).version, STEPS)
    assert record["trained"]["loss_last"] < 0.9 * record["trained"]["loss_first"]
    return folder


def test_training_leaves_weights_and_record_only(trained: Path) -> None:
    assert {p.name for p in trained.iterdir()} == {f"{NAME}.safetensors", f"{NAME}.json"}
    load_model(NAME, trained)


def test_training_resumed_gives_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(training, "CHECKPOINT_S", 0.0)
    plan = Plan(steps=3, seed=4, workers=0)

    def stop(done: int, total: int, loss: float) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(NAME, tmp_path / "stopped", plan, stop)
    train(NAME, tmp_path / "stopped", Plan(3, 4, 0, resume=True))
    train(NAME, tmp_path / "whole", plan)
    resumed, whole = (load_file(tmp_path / folder / f"{NAME}.safetensors") for folder in ("stopped", "whole"))
    for key, tensor in whole.items():  # to rounding: torch's sums depend on where memory lies
        torch.testing.assert_close(resumed[key], tensor, rtol=1e-3, atol=1e-5, msg=key)
    assert not list((tmp_path / "stopped").glob("*.checkpoint"))


def test_a_killed_training_leaves_no_process_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "braggline_service.cli", "train", NAME, "-o", str(tmp_path), "--workers", "1"]
    started = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    parent = psutil.Process(started.pid)
    wait_until(lambda: any("spawn_main" in " ".join(c.cmdline()) for c in parent.children()))
    children = parent.children(recursive=True)
    started.kill()
    started.wait(60)
    wait_until(lambda: not any(c.is_running() and c.status() != psutil.STATUS_ZOMBIE for c in children))


def wait_until(holds: Callable[[], bool], seconds: float = 240.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.2)


def test_what_cannot_be_resumed_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no checkpoint"):
        train(NAME, tmp_path, Plan(5, resume=True))
    (tmp_path / f"{NAME}.checkpoint").write_bytes(b"nothing")
    with pytest.raises(BadInput, match="no checkpoint of this task"):
        train(NAME, tmp_path, Plan(5, resume=True))
    torch.save({"plan": [7, 0]}, tmp_path / f"{NAME}.checkpoint")
    with pytest.raises(BadInput, match="made for --steps 7 --seed 0"):
        train(NAME, tmp_path, Plan(5, resume=True))


def test_a_gpu_that_is_not_there_is_told(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    done = braggline("train", NAME, "-o", tmp_path, "--device", "cuda")
    assert done.returncode == 2
    assert "finds no GPU" in done.stderr.splitlines()[-1]


def test_unknown_tasks_are_one_line() -> None:
    done = braggline("train", "oracle")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "known are" in done.stderr


@pytest.mark.slow
def test_evaluation_of_the_shipped_weights_writes_a_card(tmp_path: Path) -> None:
    done = braggline("evaluate", NAME, "--objects", 4, "--card", tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    of = task(NAME)
    assert {f["measure"] for f in told["figures"]} == set(of.measures)
    assert {f["bin"] for f in told["figures"]} == set(of.bins)
    card = (tmp_path / f"{NAME}.md").read_text()
    for words in (*of.measures, *of.bins, of.aim, of.control, load_model(NAME).sha256):
        assert words in card
    assert sorted(p.name for p in tmp_path.glob("*.png")) == [f"{NAME}_{k}.png" for k in range(3)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch.jit is on its way out, what it writes is not
def test_an_exported_model_answers_as_the_model_does(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.pt"
    done = braggline("export", NAME, "-o", out, "--weights", trained)
    assert done.returncode == 0, done.stderr
    extra = {"braggline": ""}
    other = torch.jit.load(str(out), _extra_files=extra)
    model = load_model(NAME, trained)
    assert extra["braggline"].decode() == model.told
    inputs = task(NAME).batch(np.random.default_rng(5)).inputs[:1, ..., :32, :32, :16]
    torch.testing.assert_close(other(inputs), model(inputs), rtol=1e-4, atol=1e-4)


def test_the_card_of_the_shipped_weights_is_beside_them() -> None:
    assert (SHIPPED / f"{NAME}.md").is_file()
