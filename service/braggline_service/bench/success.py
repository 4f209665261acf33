"""How often a known crystal comes back, by phase range, with and without a dislocation."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

import numpy as np

from braggline_models.phase_retrieval import Ensemble, Recipe, parse
from braggline_models.phase_retrieval.align import agreement
from braggline_models.phase_retrieval.schedule import needing_half
from braggline_models.scan import PreparedVolume
from braggline_models.simulate.known import known_crystal
from braggline_service.recipes import load_recipe, recipe_hash

ENOUGH = 0.95  # complex correlation with the truth
PREVIEWS_AT, LAST_PASS_AT = (0.4, 0.55, 0.7), 0.78  # of the frames, where a crystal is phased while it is measured
PREVIEW_RUNS = 2
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
    live: bool = False


def run(
    objects: int, sizes: Sequence[int], recipe_name: str, first_seed: int, workers: int, live: bool = False
) -> dict[str, Any]:
    """{"rows": [...]}: success of the result with its 95 % bootstrap interval, and of the runs by themselves.

    live: previews while the frames arrive, then the last pass; else at once, from all frames.
    """
    recipe = load_recipe(recipe_name)
    trials = [
        Trial(k, size, first_seed + 10_000 * k + n, recipe, live)
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
    ensemble = _phased_live(trial.recipe, known.volume) if trial.live else _phased(trial.recipe, known.volume)
    result = ensemble.reconstruction(final=True)
    cpu_s = time.process_time() - begun
    agreeing = [agreement(run, known.object_) > ENOUGH for run in result.runs]
    return agreement(result.object_, known.object_), float(np.mean(agreeing)), cpu_s


def _phased(recipe: Recipe, volume: PreparedVolume) -> Ensemble:
    ensemble = Ensemble(recipe, seed=0, threads=1)
    ensemble.update(volume)
    deque(ensemble.advance(recipe.schedule), 0)
    return ensemble


def _phased_live(recipe: Recipe, volume: PreparedVolume) -> Ensemble:
    """As the live job does it (stages/pipeline.py): coarse previews, the last pass begun before the last frame."""
    ensemble, n_half = Ensemble(recipe, seed=0, threads=1, runs=PREVIEW_RUNS), needing_half(parse(recipe.polish))
    for share in PREVIEWS_AT:
        ensemble.update(_coarse(_seen(volume, share)))
        deque(ensemble.advance(recipe.live), 0)
    ensemble.update(_seen(volume, LAST_PASS_AT))
    if n_half:
        deque(ensemble.advance(recipe.polish, last=n_half), 0)
    ensemble.update(volume)
    deque(ensemble.advance(recipe.polish, first=n_half), 0)
    return ensemble


def _seen(volume: PreparedVolume, share: float) -> PreparedVolume:
    """The volume after this share of its frames."""
    mask = volume.mask.copy()
    mask[round(share * len(mask)) :] = True
    return replace(volume, mask=mask, intensity=np.where(mask, np.float32(0), volume.intensity))


def _coarse(volume: PreparedVolume) -> PreparedVolume:
    """The inner half of the detector window."""
    n_rows, n_columns = volume.mask.shape[1:]
    inner = np.s_[:, n_rows // 4 : n_rows // 4 + n_rows // 2, n_columns // 4 : n_columns // 4 + n_columns // 2]
    start = (0, n_rows // 4, n_columns // 4)
    return replace(volume, mask=volume.mask[inner], intensity=volume.intensity[inner], crop_start_px=start)


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
