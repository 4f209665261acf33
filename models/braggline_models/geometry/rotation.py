"""Rotations about the circles of a diffractometer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from braggline_models.scan import Circle, Vector

Matrix = NDArray[np.float64]


def rotation(axis: Vector, angle_deg: ArrayLike) -> Matrix:
    """R = 1 + sin(a) K + (1 - cos(a)) K^2, right-handed about the unit vector `axis` (Rodrigues).

    (3, 3), or (..., 3, 3) for angles of shape (...).
    """
    x, y, z = np.asarray(axis, np.float64) / np.linalg.norm(axis)
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    a = np.deg2rad(angle_deg)[..., None, None]
    return np.asarray(np.eye(3) + np.sin(a) * k + (1.0 - np.cos(a)) * k @ k)


def rotation_product(circles: Sequence[Circle], angles_deg: Mapping[str, ArrayLike]) -> Matrix:
    """R_outer ... R_inner: turns a vector fixed to the innermost circle into the laboratory.

    (3, 3), or (..., 3, 3) where the angles have a common shape (...).
    """
    product: Matrix = np.eye(3)
    for circle in circles:
        product = product @ rotation(circle.axis, angles_deg[circle.name])
    return product
