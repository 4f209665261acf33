"""A phase without jumps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve, distance_transform_edt

from braggline_models.scan import BoolArray

CROSS = np.zeros((3, 3, 3), np.float32)
CROSS[1, 1, :] = CROSS[1, :, 1] = CROSS[:, 1, 1] = 1.0


def unwrapped(psi: NDArray[np.complex64], support: BoolArray) -> NDArray[np.float32]:
    """arg psi + 2 pi k, grown shell by shell from the innermost voxel: each voxel takes the k nearest to its neighbors.

    psi (z, y, x) complex, support bool. NaN outside the support and where no path inside leads. Around a dislocation
    a cut of 2 pi g.b remains: it is real. The mean over the support is 0.
    """
    phase = np.angle(psi).astype(np.float32)
    known = np.zeros(support.shape, bool)
    if not support.any():
        return np.full(support.shape, np.nan, np.float32)
    known[np.unravel_index(int(np.argmax(distance_transform_edt(support))), support.shape)] = True
    result = np.where(known, phase, np.float32(0.0))
    while True:
        neighbors = convolve(known.astype(np.float32), CROSS, mode="constant")
        new = support & ~known & (neighbors > 0)
        if not new.any():
            break
        mean = convolve(np.where(known, result, np.float32(0.0)), CROSS, mode="constant")[new] / neighbors[new]
        result[new] = phase[new] + 2 * np.pi * np.round((mean - phase[new]) / (2 * np.pi))
        known |= new
    return np.where(known, result - result[known].mean(), np.float32(np.nan)).astype(np.float32)
