"""The gradient of a phase that may wrap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from braggline_models.scan import BoolArray

AXIS_OF_ARRAY = (2, 1, 0)  # x, y, z of the frame in an array (z, y, x)


def directional_derivative(
    psi: NDArray[np.complex64], support: BoolArray, direction: NDArray[np.float64], voxel_size_m: float
) -> NDArray[np.float32]:
    """d(arg psi)/ds along `direction`: the mean of arg(psi_{n+1} conj psi_n) and arg(psi_n conj psi_{n-1}).

    Differences of neighbors have no branch cut, so a dislocation does not tear the map. At the surface the one
    neighbor that lies inside counts alone; a voxel without any inside along an axis is NaN, as is all outside.

    psi (z, y, x) complex, support the same shape, direction (3,) unit vector in x, y, z. Gives rad/m, float32.
    """
    total = np.zeros(psi.shape, np.float64)
    for component, axis in zip(direction, AXIS_OF_ARRAY, strict=True):
        if abs(component) > 1e-9:  # an axis that Q does not see may well have no neighbor
            total += component * _along(psi, support, axis)
    return np.where(support, total / voxel_size_m, np.nan).astype(np.float32)


def _along(psi: NDArray[np.complex64], support: BoolArray, axis: int) -> NDArray[np.float64]:
    """Phase change per voxel along one axis."""
    here = tuple(slice(0, -1) if k == axis else slice(None) for k in range(3))
    there = tuple(slice(1, None) if k == axis else slice(None) for k in range(3))
    step = np.angle(psi[there] * np.conj(psi[here]))
    pair = support[there] & support[here]
    total, count = np.zeros(psi.shape), np.zeros(psi.shape)
    for side in (here, there):
        total[side] += np.where(pair, step, 0.0)
        count[side] += pair
    return np.divide(total, count, out=np.full(psi.shape, np.nan), where=count > 0)
