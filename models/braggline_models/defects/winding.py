"""The winding number of a phase around every elementary face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from braggline_models.scan import BoolArray


def pierced_faces(psi: NDArray[np.complex64], inside: BoolArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(1 / 2 pi) times the sum of wrapped phase steps around each square of four neighbors: where it is not 0.

    psi (z, y, x) complex; only squares whose four corners lie inside count. Gives the squares' centers (n, 3) in
    voxels as z, y, x, and their normals (n, 3) as z, y, x times the winding number, right-handed in (x, y, z).
    """
    centers, normals = [np.zeros((0, 3))], [np.zeros((0, 3))]
    # axis across the square, then the two axes that it spans: right-handed in (x, y, z) = array axes (2, 1, 0)
    for across, first, second in ((0, 2, 1), (1, 0, 2), (2, 1, 0)):
        number, whole = _winding(psi, inside, first, second)
        found = np.argwhere((number != 0) & whole)
        values = number[tuple(found.T)]
        center = found.astype(float)
        center[:, first] += 0.5
        center[:, second] += 0.5
        normal = np.zeros_like(center)
        normal[:, across] = values
        centers.append(center)
        normals.append(normal)
    return np.concatenate(centers), np.concatenate(normals)


def _winding(
    psi: NDArray[np.complex64], inside: BoolArray, first: int, second: int
) -> tuple[NDArray[np.int_], BoolArray]:
    a, ok_a = psi, inside
    b, ok_b = _next(a, first), _next(ok_a, first)
    c, ok_c = _next(b, second), _next(ok_b, second)
    d, ok_d = _next(a, second), _next(ok_a, second)
    loop = (a, b, c, d, a)
    shape = c.shape
    steps = [np.angle(_to(loop[k + 1], shape) * np.conj(_to(loop[k], shape))) for k in range(4)]
    whole = _to(ok_a, shape) & _to(ok_b, shape) & ok_c & _to(ok_d, shape)
    return np.rint(np.sum(steps, axis=0) / (2 * np.pi)).astype(int), np.asarray(whole)


def _next(values: NDArray, axis: int) -> NDArray:
    return values[tuple(slice(1, None) if k == axis else slice(None) for k in range(3))]


def _to(values: NDArray, shape: tuple[int, ...]) -> NDArray:
    return values[tuple(slice(0, n) for n in shape)]
