"""Training: batches made beside it by other processes, a checkpoint each minute; the same seed, the same weights."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from braggline_models.errors import BadInput
from braggline_models.learned.range import KnownRange, fitted_range
from braggline_models.learned.task import Batch, Task
from braggline_models.learned.tasks import task
from braggline_service.learned.weights import Record, save_weights
from braggline_service.learned.workers import workers
from braggline_service.nexus import written_whole

TRAINING = 1  # first word of every training seed: test sets are drawn otherwise
RANGE_BATCHES = 64  # or as many as the training had
CHECKPOINT_S = 60.0
WARM_UP = 0.03  # of the steps
AVERAGED = 0.995  # memory of the averaged weights, a step
SHARE_TOLD = 0.2  # of the steps, at the beginning and at the end, whose mean loss is recorded

OnStep = Callable[[int, int, float], None]


@dataclass(frozen=True)
class Plan:
    """How to train: what the command line says. workers: processes that make batches; 0: none beside this one."""

    steps: int
    seed: int = 0
    workers: int = 1
    device: str = "cpu"
    resume: bool = False


@dataclass
class _Run:
    """Where a training stands: all that a checkpoint holds."""

    network: torch.nn.Module
    averaged: AveragedModel
    optimizer: torch.optim.Optimizer
    losses: list[float]
    spent_s: float = 0.0


def train(name: str, folder: Path, plan: Plan, on_step: OnStep = lambda *_: None) -> Record:
    """Weights and record of a task in `folder`; the checkpoint beside them is removed at the end.

    BadInput for a device that is not there, or a checkpoint that was made for another plan.
    """
    of = task(name)
    if plan.device == "cuda" and not torch.cuda.is_available():
        raise BadInput("--device cuda: torch finds no GPU here; leave it out to train on the CPU")
    torch.manual_seed(plan.seed)
    network = of.network().to(plan.device)
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(AVERAGED))
    run = _Run(network, averaged, torch.optim.AdamW(network.parameters(), of.learning_rate, weight_decay=1e-4), [])
    checkpoint = folder / f"{name}.checkpoint"
    if plan.resume:
        _restore(run, checkpoint, plan)
    begun, saved = time.monotonic() - run.spent_s, time.monotonic()
    with _batches(name, plan, range(len(run.losses), plan.steps)) as batches:
        for batch in batches:
            run.losses.append(_step(of, run, batch, plan))
            on_step(len(run.losses), plan.steps, run.losses[-1])
            if time.monotonic() - saved > CHECKPOINT_S:
                run.spent_s, saved = time.monotonic() - begun, time.monotonic()
                _save(run, checkpoint, plan)
    known = _range(of, plan)
    record = save_weights(folder, of, averaged.module, known, _history(run.losses, plan, time.monotonic() - begun))
    checkpoint.unlink(missing_ok=True)
    return record


def _step(of: Task, run: _Run, batch: Batch, plan: Plan) -> float:
    step = len(run.losses)
    warm = max(1, int(WARM_UP * plan.steps))
    rate = min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / plan.steps))
    for group in run.optimizer.param_groups:
        group["lr"] = of.learning_rate * max(rate, 0.01)
    moved = Batch(batch.inputs.to(plan.device), tuple(target.to(plan.device) for target in batch.targets))
    run.optimizer.zero_grad()
    loss = of.loss(run.network, moved)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
    run.optimizer.step()
    run.averaged.update_parameters(run.network)
    return float(loss.detach())


@contextmanager
def _batches(name: str, plan: Plan, steps: range) -> Iterator[Iterator[Batch]]:
    if plan.workers == 0:
        yield (made(name, plan.seed, step) for step in steps)
        return
    with workers(plan.workers) as pool:
        yield _ahead(pool, name, plan, steps)
        pool.shutdown(cancel_futures=True)


def _ahead(pool: ProcessPoolExecutor, name: str, plan: Plan, steps: range) -> Iterator[Batch]:
    """The batches in their order, two a worker made ahead."""
    queue: deque[Future[Batch]] = deque()
    for step in steps:
        queue.append(pool.submit(made, name, plan.seed, step))
        if len(queue) > 2 * plan.workers:
            yield queue.popleft().result()
    while queue:
        yield queue.popleft().result()


def made(name: str, seed: int, step: int) -> Batch:
    """The batch of one step: the same wherever and whenever it is made."""
    torch.set_num_threads(1)
    return task(name).batch(np.random.default_rng([TRAINING, seed, step]))


def _range(of: Task, plan: Plan) -> KnownRange:
    """From batches that come after those of the training."""
    rows = [of.features(made(of.name, plan.seed, plan.steps + k).inputs) for k in range(min(RANGE_BATCHES, plan.steps))]
    return fitted_range(np.concatenate(rows))


def _history(losses: list[float], plan: Plan, spent_s: float) -> dict[str, float | int | str]:
    told = max(1, int(SHARE_TOLD * len(losses)))
    return {
        "seed": plan.seed, "steps": plan.steps, "device": plan.device, "minutes": round(spent_s / 60, 2),
        "loss_first": float(np.mean(losses[:told])), "loss_last": float(np.mean(losses[-told:])),
        "torch": torch.__version__,
    }  # fmt: skip


def _save(run: _Run, path: Path, plan: Plan) -> None:
    state = {
        "network": run.network.state_dict(), "averaged": run.averaged.state_dict(),
        "optimizer": run.optimizer.state_dict(), "losses": run.losses, "spent_s": run.spent_s,
        "plan": [plan.steps, plan.seed],
    }  # fmt: skip
    with written_whole(path) as part:
        torch.save(state, part)


def _restore(run: _Run, path: Path, plan: Plan) -> None:
    if not path.is_file():
        raise BadInput(f"--resume: no checkpoint {path}; leave --resume out to begin")
    try:
        state = torch.load(path, weights_only=True)
        if state["plan"] != [plan.steps, plan.seed]:
            raise BadInput(f"{path}: made for --steps {state['plan'][0]} --seed {state['plan'][1]}; give these")
        run.network.load_state_dict(state["network"])
        run.averaged.load_state_dict(state["averaged"])
        run.optimizer.load_state_dict(state["optimizer"])
        run.losses, run.spent_s = list(state["losses"]), float(state["spent_s"])
    except BadInput:
        raise
    except Exception as error:  # torch raises of every kind for a file that is no checkpoint
        raise BadInput(f"{path}: no checkpoint of this task; leave --resume out to begin anew") from error
