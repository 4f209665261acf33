"""What a map shows about one place, on a small square grid of its own steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from braggline_models.maps.crystal_map import CrystalMap

NEAREST = 0.75  # steps from a place of the grid: no point so near, no value


def patch(map_: CrystalMap, center_m: tuple[float, float], side: int = 9) -> NDArray[np.float64]:
    """(4, side, side) of counts, row_px, column_px and 1 where known, 0 and NaN-free elsewhere; centred on a place.

    Each place takes the nearest measured point: nothing is interpolated.
    """
    values = np.stack([map_.counts, map_.row_px, map_.column_px])
    known = np.flatnonzero(map_.measured & np.isfinite(map_.counts))
    result = np.zeros((4, side, side))
    if not known.size:
        return result
    steps = np.arange(side) - side // 2
    grid = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    center = np.asarray(center_m) / map_.step_m
    distance, index = cKDTree(map_.positions_m[known] / map_.step_m).query(grid + center)
    there = distance < NEAREST
    flat = result.reshape(4, -1)
    flat[:3, there] = np.nan_to_num(values[:, known[index[there]]])
    flat[3, there] = 1.0
    return result
