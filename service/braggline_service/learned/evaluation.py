"""A model against its control on the frozen test set, by processes side by side, one thread each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from braggline_models.learned.figures import Figure, figure
from braggline_models.learned.model import Model
from braggline_models.learned.task import Judgement, Picture, Task
from braggline_models.learned.tasks import task
from braggline_service.learned.weights import load_model
from braggline_service.learned.workers import workers as pool_of

SEEDS_A_BIN = 10_000
PICTURES = 3  # the worst of all objects


@dataclass(frozen=True)
class Evaluation:
    """Figures by measure, bin and arm, CPU ms an object by arm, the worst objects."""

    model: str
    figures: tuple[Figure, ...]
    cost_ms: dict[str, float]
    pictures: tuple[Picture, ...]


def evaluate(
    name: str, folder: Path, objects: int, workers: int, on_object: Callable[[float], None] = lambda _: None
) -> Evaluation:
    """Every figure of the card: `objects` of each bin, seeds from Task.test_seed on."""
    of, model = task(name), load_model(name, folder)
    cases = [
        (name, str(folder), k, of.test_seed + k * SEEDS_A_BIN + n) for k in range(len(of.bins)) for n in range(objects)
    ]
    found: list[Judgement] = []
    with pool_of(workers) as pool:
        for judgement in pool.map(judged, cases, chunksize=2):
            found.append(judgement)
            on_object(len(found) / len(cases))
    pictures = sorted((j.picture for j in found if j.picture), key=lambda picture: -picture.badness)
    return Evaluation(
        model.told, tuple(_figures(of, found, objects)), _costs(found), tuple(pictures[:PICTURES]),
    )  # fmt: skip


def judged(case: tuple[str, str, int, int]) -> Judgement:
    """One object, in a process that keeps the model."""
    name, folder, which, seed = case
    torch.set_num_threads(1)
    return task(name).judge(_kept(name, folder), which, seed, time.process_time)


@lru_cache(maxsize=1)
def _kept(name: str, folder: str) -> Model:
    return load_model(name, Path(folder))


def _figures(of: Task, found: Sequence[Judgement], objects: int) -> list[Figure]:
    figures = []
    for k, bin_ in enumerate(of.bins):
        these = found[k * objects : (k + 1) * objects]
        for measure, how in of.measures.items():
            for arm in dict.fromkeys(arm for j in these for m, arm in j.values if m == measure):
                values = np.array([j.values[measure, arm] for j in these if (measure, arm) in j.values], float)
                figures.append(figure(measure, bin_, arm, values, how.of))
    return figures


def _costs(found: Sequence[Judgement]) -> dict[str, float]:
    arms = dict.fromkeys(arm for j in found for arm in j.cpu_s)
    return {arm: 1e3 * float(np.mean([j.cpu_s[arm] for j in found if arm in j.cpu_s])) for arm in arms}
