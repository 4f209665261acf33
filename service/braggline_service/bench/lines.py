"""How many dislocation lines are found, how many are imagined, and how far off they lie."""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from braggline_models.defects import find_lines
from braggline_models.phase_retrieval import Ensemble, Recipe
from braggline_models.phase_retrieval.align import agreement, aligned
from braggline_models.simulate.known import KnownCrystal, known_crystal
from braggline_models.strain import MapOptions, gridded, strain_field

RANGE_rad = (2.0, 4.0)
NEAR_VOXELS = 3.0  # mean distance from the true line up to which it counts as found
FOUND = 0.9  # agreement with the truth: below, phasing failed


@dataclass(frozen=True)
class Trial:
    """One crystal; every other one has a line."""

    size_px: int
    seed: int
    dislocation: bool
    recipe: Recipe


def measured_lines(size_px: int, crystals: int, recipe: Recipe, first_seed: int, pool: Executor) -> dict[str, float]:
    """recall, false_per_crystal, distance_voxels over all crystals, and recall over those that phasing got right.

    Twice as many crystals of size_px^3 are made: every other one has a line.
    """
    trials = [Trial(size_px, first_seed + k, bool(k % 2), recipe) for k in range(2 * crystals)]
    rows = list(pool.map(_tried, trials))
    lined = [row for row, trial in zip(rows, trials, strict=True) if trial.dislocation]
    right = [row for row in lined if row[3] > FOUND]
    return {
        "size_px": size_px, "crystals": len(rows), "lines": len(lined),
        "recall": float(np.mean([row[0] for row in lined])),
        "recall_where_phased": float(np.mean([row[0] for row in right])) if right else float("nan"),
        "false_per_crystal": float(np.mean([row[1] for row in rows])),
        "distance_voxels": float(np.nanmean([row[2] for row in lined])),
    }  # fmt: skip


def _tried(trial: Trial) -> tuple[float, float, float, float]:
    """Found (0 or 1), lines that are none, mean distance of the found line, agreement with the truth."""
    span = float(np.random.default_rng([trial.seed, 2]).uniform(*RANGE_rad))
    known = known_crystal(trial.size_px, span, trial.dislocation, trial.seed)
    ensemble = Ensemble(trial.recipe, 0, 1)
    ensemble.update(known.volume)
    for schedule in (trial.recipe.schedule, trial.recipe.refine):
        list(ensemble.advance(schedule) if schedule else ())
    result = ensemble.reconstruction(True)
    laid = replace(result, object_=aligned(result.object_, known.object_)[0], runs=result.runs[:0])
    options = MapOptions(trial.recipe.isosurface, trial.recipe.apodisation)
    field = strain_field(laid, known.volume, options)
    psi, _ = gridded(laid.object_, known.volume, options, shape=field.support.shape)
    found, false, distances = 0.0, 0.0, []
    for line in find_lines(field, psi).lines:
        off = _distance_voxels(line.position_m / field.voxel_size_m, field.support.shape, known)
        if off <= NEAR_VOXELS:
            found = 1.0
            distances.append(off)
        else:
            false += 1.0
    return found, false, float(np.mean(distances)) if distances else np.nan, agreement(result.object_, known.object_)


def _distance_voxels(path: NDArray[np.float64], shape: tuple[int, ...], known: KnownCrystal) -> float:
    """Mean distance of the path from the true line; infinite where there is none. The grid's x is the first axis."""
    if known.line is None:
        return np.inf
    point, direction = known.line
    here = (path - np.array(shape) // 2)[:, ::-1] - (point - len(known.object_) // 2)
    across = here - np.outer(here @ direction, direction)
    return float(np.mean(np.linalg.norm(across, axis=1)))
