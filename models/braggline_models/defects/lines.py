"""Dislocation lines."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_fill_holes, distance_transform_edt, map_coordinates, uniform_filter1d
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, shortest_path
from scipy.spatial import cKDTree

from braggline_models.defects.winding import pierced_faces
from braggline_models.results import Defect, DefectReport, StrainField
from braggline_models.scan import BoolArray

CLOSED_VOXELS = 3  # a core whose amplitude is below the isosurface is a tunnel of up to twice that width
LINKED_VOXELS = 2.0  # faces nearer than that belong to one line
SHORTEST_VOXELS = 3.0  # shorter ones are noise
DEEPEST_VOXELS = 2.0  # a line that never gets that far below the surface is the surface's own noise
FAINT = 0.2  # of both where noise is told from lines by other means
SMOOTHED_FACES = 5


def find_lines(strain: StrainField, psi: NDArray[np.complex64] | None = None, faint: bool = False) -> DefectReport:
    """Closed paths around a line wind the phase by 2 pi g.b: the lines of all faces with a winding number, linked.

    psi (z, y, x) complex on the grid of `strain`, where it is known outside the support too; a core so dark that it
    is not in the support is then seen as well. Each line is ordered, smoothed, position_m as z, y, x from voxel 0;
    its direction (x, y, z) is such that g_dot_b, the winding number right-handed about it, is positive. The
    confidence rises with length, depth, and the share of faces that agree in sign. A dislocation with g.b = 0 leaves no
    trace in this reflection: an empty report means that none is visible. `faint` ones are a fifth as long and deep, for
    whoever can tell them from noise. Source: the winding number as in Clark et al., Nat. Mater. 14, 780 (2015), linked
    by our own method.
    """
    if psi is None:
        psi = (strain.amplitude * np.exp(1j * np.nan_to_num(strain.phase_rad))).astype(np.complex64)
    inside = filled(strain.support)
    centers, normals = pierced_faces(psi, inside)
    if not len(centers):
        return DefectReport((), True)
    depth = distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1, 1:-1]
    lines, least = [], FAINT if faint else 1.0
    for part in _linked(centers):
        line = _line(centers[part], normals[part], depth, strain.voxel_size_m, least)
        if line is not None:
            lines.append(line)
    return DefectReport(tuple(sorted(lines, key=lambda each: -each.confidence)), True)


def filled(support: BoolArray) -> BoolArray:
    margin = CLOSED_VOXELS + 1
    closed = binary_closing(np.pad(support, margin), iterations=CLOSED_VOXELS)
    return np.asarray(binary_fill_holes(closed)[(slice(margin, -margin),) * 3])


def _linked(centers: NDArray[np.float64]) -> list[NDArray[np.int_]]:
    """Indices of the faces of each line."""
    pairs = cKDTree(centers).query_pairs(LINKED_VOXELS, output_type="ndarray")
    n = len(centers)
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (n, n))
    _, label = connected_components(graph, directed=False)
    return [np.flatnonzero(label == k) for k in range(label.max() + 1)]


def _line(
    centers: NDArray[np.float64],
    normals: NDArray[np.float64],
    depth: NDArray[np.float64],
    voxel_size_m: float,
    least: float,
) -> Defect | None:
    """The line through these faces, or None where it is too short or too near to the surface."""
    order = _ordered(centers)
    path = uniform_filter1d(centers[order], min(SMOOTHED_FACES, len(order)), axis=0, mode="nearest")
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    below = map_coordinates(depth, path.T, order=1)
    if length < least * SHORTEST_VOXELS or below.max() < least * DEEPEST_VOXELS:
        return None
    total = normals.sum(axis=0)
    straight = np.linalg.svd(path - path.mean(axis=0))[2][0]
    straight *= 1.0 if straight @ total >= 0 else -1.0
    along = normals @ straight
    agreeing = max(float(np.sum(along[along > 0])), 0.0) / max(float(np.abs(along).sum()), 1e-9)
    windings = np.abs(normals).sum(axis=1)
    confidence = agreeing * (1.0 - np.exp(-length / SHORTEST_VOXELS)) * min(1.0, float(below.max()) / 4.0)
    return Defect(
        kind="dislocation",
        position_m=path * voxel_size_m,
        direction=(float(straight[2]), float(straight[1]), float(straight[0])),
        g_dot_b=float(np.median(windings)),
        confidence=float(confidence),
    )


def _ordered(centers: NDArray[np.float64]) -> NDArray[np.int_]:
    """The longest of the shortest ways through the linked faces: from the face farthest from any, to the farthest."""
    n = len(centers)
    pairs = cKDTree(centers).query_pairs(LINKED_VOXELS, output_type="ndarray")
    if n < 3 or not len(pairs):
        return np.arange(n)
    # squared: the way then goes from neighbor to neighbor
    weight = np.sum(np.square(centers[pairs[:, 0]] - centers[pairs[:, 1]]), axis=1)
    graph = coo_matrix((weight, (pairs[:, 0], pairs[:, 1])), (n, n)).tocsr()
    first = int(np.argmax(shortest_path(graph, directed=False, indices=0)))
    distance, before = shortest_path(graph, directed=False, indices=first, return_predecessors=True)
    way = [int(np.argmax(distance))]
    while way[-1] != first:
        way.append(int(before[way[-1]]))
    return np.array(way)
