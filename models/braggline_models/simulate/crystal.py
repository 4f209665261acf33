"""A faceted crystal with a smooth displacement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

WAVES = 6  # of the random displacement field
SOFT_VOXELS = 1.0  # width of the surface in units of the grid's voxel: a sharp edge would not fit the grid


def faceted_crystal(
    points_m: NDArray[np.float64], size_m: float, voxel_m: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Density of a polyhedron cut by {111} and {100} planes at random distances in a random orientation: 0..1.

    points_m (..., 3). size_m: about its diameter. The surface is one voxel_m soft.
    """
    normals = facet_normals(rng)
    distances = 0.5 * size_m * rng.uniform(0.8, 1.0, len(normals))
    density = np.ones(points_m.shape[:-1], np.float32)
    for normal, distance in zip(normals, distances, strict=True):
        depth = (distance - points_m @ normal) / (SOFT_VOXELS * voxel_m)
        density *= np.clip(depth + 0.5, 0.0, 1.0).astype(np.float32)
    return density


def facet_normals(rng: np.random.Generator) -> NDArray[np.float64]:
    """Outward normals of {111} and {100} in a random orientation: (14, 3) unit vectors."""
    octahedron = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]) / np.sqrt(3)
    cube = np.concatenate([np.eye(3), -np.eye(3)])
    return np.asarray(np.concatenate([octahedron, cube]) @ Rotation.random(rng=rng).as_matrix().T)


def smooth_field(
    points_m: NDArray[np.float64], inside: NDArray[np.bool_], size_m: float, span: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """A few random long waves, scaled to run over `span` inside, without a mean gradient there.

    points_m (..., 3), inside bool of its leading shape. Wavelengths from 1.2 to 3 times size_m.
    """
    field = np.zeros(points_m.shape[:-1])
    for _ in range(WAVES):
        direction = rng.normal(size=3)
        wave = 2 * np.pi / (size_m * rng.uniform(1.2, 3.0)) * direction / np.linalg.norm(direction)
        field += rng.normal() * np.cos(points_m @ wave + rng.uniform(0, 2 * np.pi))
    field = without_gradient(field, points_m / size_m, inside)
    extent = float(np.ptp(field[inside]))
    return field * (span / extent) if extent > 0 else field


def without_gradient(
    field: NDArray[np.float64], points: NDArray[np.float64], inside: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The field less the plane that fits it inside: a mean gradient only moves the Bragg peak.

    points (..., 3) in any unit of the order of the crystal's size.
    """
    basis = np.concatenate([np.ones((int(inside.sum()), 1)), points[inside]], axis=1)
    plane = np.linalg.lstsq(basis, field[inside], rcond=None)[0]
    return field - plane[0] - points @ plane[1:]
