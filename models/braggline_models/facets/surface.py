"""The surface of a crystal as triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage.measure import marching_cubes

from braggline_models.results import StrainField

SMOOTH_VOXELS = 1.0
LEVEL = 0.5  # of the bulk's amplitude


@dataclass(frozen=True)
class Surface:
    """Per triangle, z, y, x in voxels: center (n, 3), outward unit normal (n, 3), area (n,) in voxels^2."""

    centers: NDArray[np.float64]
    normals: NDArray[np.float64]
    areas: NDArray[np.float64]


def surface_of(field: StrainField) -> Surface:
    """Where the smoothed amplitude, 1 in the bulk, falls through a half; normals along its gradient there."""
    inside = gaussian_filter(np.where(field.support, 1.0, 0.0), 2.0) > 0.05  # leave dust beside the crystal out
    amplitude = gaussian_filter(np.where(inside, np.minimum(field.amplitude, 1.0), 0.0), SMOOTH_VOXELS)
    amplitude = np.pad(amplitude, 1)
    vertices, faces, _, _ = marching_cubes(amplitude, LEVEL)
    corners = vertices[faces].astype(np.float64)
    centers = corners.mean(axis=1)
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    gradient = np.stack([map_coordinates(part, centers.T, order=1) for part in np.gradient(amplitude)], axis=1)
    normals = -gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-12)
    return Surface(centers - 1.0, normals, 0.5 * np.linalg.norm(cross, axis=1))
