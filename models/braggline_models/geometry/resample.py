"""From the skewed grid of the detector to a cubic one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

MARGIN_VOXELS = 3
SUPPORT_LEVEL = 0.05  # of the largest amplitude: what the grid must hold


def orthogonalise(
    object_: NDArray[np.complex64],
    vectors_m: NDArray[np.float64],
    voxel_size_m: float | None = None,
    shape: tuple[int, int, int] | None = None,
) -> tuple[NDArray[np.complex64], float]:
    """psi(r) on a cubic grid, r = A (n - N // 2): the complex object is interpolated, never its phase.

    object_    (n_f, n_r, n_c) complex64, center at shape // 2
    vectors_m  (3, 3), columns are the voxel's edges along (frame, row, column), in x, y, z of the target frame
    voxel_size_m  default: the cube root of the voxel's volume
    shape      of the result (z, y, x); default: just large enough, with a margin

    Gives the object as complex64 (z, y, x), ascending, its center again at shape // 2, and the voxel size in m.
    """
    size_m = voxel_size_m or float(np.cbrt(abs(np.linalg.det(vectors_m))))
    box, center = _middle(object_)
    shape = shape or _enclosing_shape(box, center, vectors_m, size_m)
    to_index = np.linalg.inv(vectors_m) * size_m  # columns: one cubic voxel along x, y, z in steps of the object's grid
    z, y, x = np.meshgrid(*(np.arange(n, dtype=np.float64) - n // 2 for n in shape), indexing="ij", copy=False)
    index = np.stack([to_index[k, 0] * x + to_index[k, 1] * y + to_index[k, 2] * z + center[k] for k in range(3)])
    real = map_coordinates(np.ascontiguousarray(box.real), index, order=3, mode="constant")
    imaginary = map_coordinates(np.ascontiguousarray(box.imag), index, order=3, mode="constant")
    return (real + 1j * imaginary).astype(np.complex64), size_m


def _middle(object_: NDArray[np.complex64]) -> tuple[NDArray[np.complex64], NDArray[np.int_]]:
    """The box that holds the crystal with a margin for the spline, and the object's center counted from its corner."""
    amplitude = np.abs(object_)
    inside = np.argwhere(amplitude > SUPPORT_LEVEL * amplitude.max())
    center = np.array(object_.shape) // 2
    if not len(inside):
        return object_, center
    first = np.maximum(inside.min(axis=0) - 4 * MARGIN_VOXELS, 0)
    last = np.minimum(inside.max(axis=0) + 4 * MARGIN_VOXELS + 1, object_.shape)
    return object_[tuple(slice(a, b) for a, b in zip(first, last, strict=True))], center - first


def _enclosing_shape(
    box: NDArray[np.complex64], center: NDArray[np.int_], vectors_m: NDArray[np.float64], size_m: float
) -> tuple[int, int, int]:
    amplitude = np.abs(box)
    inside = np.argwhere(amplitude > SUPPORT_LEVEL * amplitude.max()) - center
    if not len(inside):
        return 2 * MARGIN_VOXELS, 2 * MARGIN_VOXELS, 2 * MARGIN_VOXELS
    xyz = np.abs(inside @ vectors_m.T).max(axis=0) / size_m
    sides = 2 * (np.ceil(xyz).astype(int) + MARGIN_VOXELS)
    return int(sides[2]), int(sides[1]), int(sides[0])
