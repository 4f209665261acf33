"""A phase without jumps."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from braggline_models.scan import BoolArray

TWO_PI = np.float32(2 * np.pi)


def unwrapped(psi: NDArray[np.complex64], support: BoolArray) -> NDArray[np.float32]:
    """arg psi + 2 pi k, grown shell by shell from the innermost voxel: each voxel takes the k nearest to its neighbors.

    psi (z, y, x) complex, support bool. NaN outside the support and where no path inside leads. Around a dislocation
    a cut of 2 pi g.b remains: it is real. The mean over the support is 0.
    """
    result = np.full(support.shape, np.nan, np.float32)
    if not support.any():
        return result
    start = int(np.argmax(distance_transform_edt(support)))
    # a rim of voxels that are outside spares the bounds in the loop
    phase, inside = np.pad(np.angle(psi).astype(np.float32), 1), np.pad(support, 1)
    grown = np.full(inside.shape, np.nan, np.float32)
    first = np.ravel_multi_index(tuple(i + 1 for i in np.unravel_index(start, support.shape)), inside.shape)
    _, rows, columns = inside.shape
    _grow(phase.ravel(), inside.ravel(), grown.ravel(), int(first), rows * columns, columns)
    result = grown[1:-1, 1:-1, 1:-1]
    return np.asarray(result - np.nanmean(result), np.float32)


@njit(cache=True, nogil=True)
def _grow(phase, inside, result, first, plane, line):  # type: ignore[no-untyped-def]
    """Breadth first over the six neighbors of flat index i: i +- 1, +- line, +- plane."""
    steps = np.array([1, -1, line, -line, plane, -plane])
    queue = np.empty(np.count_nonzero(inside), np.int64)
    queue[0], end, at = first, 1, 0
    result[first] = phase[first]
    while at < end:
        here = queue[at]
        at += 1
        for step in steps:
            i = here + step
            if not inside[i] or not np.isnan(result[i]):
                continue
            total, count = 0.0, 0
            for other in steps:
                if not np.isnan(result[i + other]):
                    total += result[i + other]
                    count += 1
            result[i] = phase[i] + TWO_PI * np.round((total / count - phase[i]) / TWO_PI)
            queue[end] = i
            end += 1
