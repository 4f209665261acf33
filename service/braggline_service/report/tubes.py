"""Dislocation lines as thin tubes, to be drawn inside the surface."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SIDES = 6
COLOR = "#D4007A"
MOST_POINTS = 60  # of one line: more would not be seen
MOST_VERTICES = 65_535  # of 16 bit

Points = NDArray[np.float64]


def tubes(paths: Sequence[Points], radius: float) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vertices (n, 3) and triangles (m, 3), seen from outside anticlockwise, of a tube around each path (k, 3).

    Open at its ends. Lines beyond 65535 vertices are left out; a path of one point has none.
    """
    vertices: list[NDArray[np.float32]] = []
    triangles: list[NDArray[np.int32]] = []
    count = 0
    for path in map(_thinned, paths):
        if len(path) < 2 or count + SIDES * len(path) > MOST_VERTICES:
            continue
        vertices.append(_rings(path, radius))
        triangles.append(_skin(len(path)) + count)
        count += SIDES * len(path)
    if not vertices:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
    return np.concatenate(vertices), np.concatenate(triangles)


def _thinned(path: Points) -> Points:
    if len(path) <= MOST_POINTS:
        return path
    return path[np.unique(np.linspace(0, len(path) - 1, MOST_POINTS).round().astype(int))]


def _rings(path: Points, radius: float) -> NDArray[np.float32]:
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
    main = np.linalg.svd(path - path.mean(axis=0))[2]
    side = np.cross(along, main[2])  # across the plane that the line nearly lies in
    weak = np.linalg.norm(side, axis=1) < 0.1
    side[weak] = np.cross(along[weak], main[1])
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-12)
    up = np.cross(along, side)
    turn = 2 * np.pi * np.arange(SIDES) / SIDES
    round_ = np.cos(turn)[:, None] * side[:, None] + np.sin(turn)[:, None] * up[:, None]
    return (path[:, None] + radius * round_).reshape(-1, 3).astype(np.float32)


def _skin(rings: int) -> NDArray[np.int32]:
    ring, place = np.meshgrid(np.arange(rings - 1), np.arange(SIDES), indexing="ij")
    here, next_ = SIDES * ring + place, SIDES * ring + (place + 1) % SIDES
    first = np.stack([here, next_, next_ + SIDES], axis=-1)
    second = np.stack([here, next_ + SIDES, here + SIDES], axis=-1)
    return np.concatenate([first, second]).reshape(-1, 3).astype(np.int32)
