"""A scalar of one frame's grid on that of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, map_coordinates

from braggline_models.scan import BoolArray

MARGIN_VOXELS = 2


def carried(values: NDArray[np.float32], support: BoolArray, rotation: NDArray[np.float64]) -> NDArray[np.float32]:
    """values(R^T r) at the voxels r of `support`, NaN elsewhere: linear between neighbors.

    values (z, y, x) with NaN where nothing is known, support of another cubic grid of the same voxel whose axes are
    turned by `rotation` (3, 3) in x, y, z; both have their center at shape // 2. A voxel off what is known takes the
    nearest known value. A standard deviation along Q is such a scalar: no frame changes it.
    """
    known = np.argwhere(np.isfinite(values))
    result = np.full(support.shape, np.nan, np.float32)
    if not len(known) or not support.any():
        return result
    first = np.maximum(known.min(axis=0) - MARGIN_VOXELS, 0)
    box = values[tuple(slice(a, b + MARGIN_VOXELS + 1) for a, b in zip(first, known.max(axis=0), strict=True))]
    nearest = distance_transform_edt(~np.isfinite(box), return_distances=False, return_indices=True)
    here = np.argwhere(support) - np.array(support.shape) // 2
    there = (here[:, ::-1] @ rotation)[:, ::-1] + np.array(values.shape) // 2 - first
    result[support] = map_coordinates(box[tuple(nearest)], there.T, order=1, mode="nearest")
    return result
