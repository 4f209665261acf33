"""How often a known crystal comes back, by phase range, with and without a dislocation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np

from braggline_models.phase_retrieval import Ensemble, Recipe
from braggline_models.phase_retrieval.align import agreement
from braggline_models.simulate.known import known_crystal
from braggline_service.recipes import load_recipe, recipe_hash

ENOUGH = 0.95  # complex correlation with the truth
RESAMPLINGS = 2000


@dataclass(frozen=True)
class Bin:
    """Crystals whose phase runs over low to high (rad), the dislocation's own winding not counted."""

    low_rad: float
    high_rad: float
    dislocation: bool = False


BINS = (
    Bin(0, 1), Bin(2, 3), Bin(3.5, 4.5), Bin(5, 6), Bin(7, 8), Bin(9, 11), Bin(12, 15), Bin(16, 20),
    Bin(3, 4, True), Bin(6, 8, True),
)  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """One crystal, phased with one recipe: what it needs to be repeated."""

    bin: int
    size_px: int
    seed: int
    recipe: Recipe


def run(objects: int, sizes: Sequence[int], recipe_name: str, first_seed: int, workers: int) -> dict[str, Any]:
    """{"rows": [...]}: success of the result with its 95 % bootstrap interval, and of the runs by themselves."""
    recipe = load_recipe(recipe_name)
    trials = [
        Trial(k, size, first_seed + 10_000 * k + n, recipe)
        for size in sizes for k in range(len(BINS)) for n in range(objects)
    ]  # fmt: skip
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        found = list(pool.map(tried, trials, chunksize=4))
    rows = []
    for size in sizes:
        for k, each in enumerate(BINS):
            these = [r for trial, r in zip(trials, found, strict=True) if trial.bin == k and trial.size_px == size]
            rows.append(_row(each, size, these))
    return {"rows": rows, "recipe": recipe_name, "recipe_hash": recipe_hash(recipe), "first_seed": first_seed}


def tried(trial: Trial) -> tuple[float, float, float]:
    """Correlation of the result with the truth, share of the kept runs that succeed, CPU seconds."""
    which = BINS[trial.bin]
    phase_range = np.random.default_rng([trial.seed, 1]).uniform(which.low_rad, which.high_rad)
    known = known_crystal(trial.size_px, phase_range, which.dislocation, trial.seed)
    begun = time.process_time()
    ensemble = Ensemble(trial.recipe, seed=0, threads=1)
    ensemble.update(known.volume)
    for _ in ensemble.advance(trial.recipe.schedule):
        pass
    result = ensemble.reconstruction(final=True)
    cpu_s = time.process_time() - begun
    agreeing = [agreement(run, known.object_) > ENOUGH for run in result.runs]
    return agreement(result.object_, known.object_), float(np.mean(agreeing)), cpu_s


def _row(which: Bin, size: int, results: list[tuple[float, float, float]]) -> dict[str, Any]:
    good = np.array([value > ENOUGH for value, _, _ in results], float)
    rng = np.random.default_rng(0)
    means = rng.choice(good, (RESAMPLINGS, good.size)).mean(axis=1)
    return {
        "size_px": size, "phase_range_rad": [which.low_rad, which.high_rad], "dislocation": which.dislocation,
        "objects": good.size, "success": float(good.mean()),
        "interval_95": [float(v) for v in np.quantile(means, (0.025, 0.975))],
        "kept_runs_success": float(np.mean([share for _, share, _ in results])),
        "median_correlation": float(np.median([value for value, _, _ in results])),
        "cpu_s": float(np.mean([cpu for _, _, cpu in results])),
    }  # fmt: skip
