"""An fcc crystal's shape: what planes {100}, {110} and {111} leave of space, and how its surface relaxes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numba import njit
from numpy.typing import NDArray

from braggline_models.simulate.box import Box

REACH = 0.75  # of the diameter from the center: no corner is farther
RATIO_100 = (0.85, 1.3)  # distance of {100} over that of {111}: from cubes with cut corners to octahedra with cut tips
RATIO_110 = (1.05, 1.45)  # beyond 1.225 they cut nothing off
UNEVEN = (0.8, 1.0)  # of each single face
CUT = (0.2, 0.7)  # distance of the face that lies on the substrate, over that of its like
SUBSTRATE = ("111", "100")
FORGOTTEN = 8.0  # depths below a face that no longer relaxes


@dataclass(frozen=True)
class Polyhedron:
    """All r with normals . r < distances: normals (n, 3) unit, outward, in the crystal's axes or the grid's."""

    normals: NDArray[np.float64]
    distances: NDArray[np.float64]

    def turned(self, axes: NDArray[np.float64]) -> Polyhedron:
        """In the frame in which the crystal's axes are the columns of `axes`."""
        return replace(self, normals=self.normals @ axes.T)

    def moved(self, shift: NDArray[np.float64]) -> Polyhedron:
        return replace(self, distances=self.distances + self.normals @ shift)


def low_index_normals() -> NDArray[np.float64]:
    """6 of {100}, 12 of {110}, 8 of {111}: (26, 3), in the crystal's axes."""
    all_ = np.array([v for v in product((-1, 0, 1), repeat=3) if any(v)], float)
    order = np.argsort(np.abs(all_).sum(axis=1), kind="stable")
    return np.asarray(all_[order] / np.linalg.norm(all_[order], axis=1, keepdims=True))


def drawn_polyhedron(diameter: float, cut: bool, rng: np.random.Generator) -> Polyhedron:
    """Wulff's shape of random surface energies, every face at its own distance; `cut`: one is a substrate's.

    Centered on its origin, not on its centroid. Faces that a neighbor cuts off altogether are among the 26.
    """
    ratio = np.repeat([rng.uniform(*RATIO_100), rng.uniform(*RATIO_110), 1.0], (6, 12, 8))
    distances = 0.5 * diameter * ratio * rng.uniform(*UNEVEN, 26)
    if cut:
        family = SUBSTRATE[int(rng.integers(2))]
        face = int(rng.integers(18, 26) if family == "111" else rng.integers(6))
        distances[face] *= rng.uniform(*CUT)
    return Polyhedron(low_index_normals(), distances)


def centered(shape: Polyhedron, box: Box) -> Polyhedron:
    """Its centroid moved to the origin, as well as every other voxel of the box tells."""
    coarse = Box(box.vectors * 2.0, tuple(f // 2 for f in box.first), tuple(-(-n // 2) for n in box.shape))  # type: ignore[arg-type]
    density, _ = rendered(shape, coarse)
    weight = density.astype(np.float64)
    total = weight.sum()
    index = [
        float(weight.sum(axis=tuple(b for b in range(3) if b != a)) @ (np.arange(n) + first)) / total
        for a, (n, first) in enumerate(zip(coarse.shape, coarse.first, strict=True))
    ]
    return shape.moved(-(coarse.vectors @ np.array(index)))


def rendered(
    shape: Polyhedron, box: Box, g: NDArray[np.float64] | None = None, depth: float = 1.0, soft: float | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Density 0..1 with a surface one voxel (or `soft`) wide, and g.u of a relaxed surface, of unit size.

    u = -sum over faces of normal exp(-t / depth), t the distance to the face: each pulls its outermost layers inward.
    """
    density = np.zeros(box.shape, np.float32)
    relaxed = np.zeros(box.shape, np.float32)
    pull = np.zeros(len(shape.distances)) if g is None else -(shape.normals @ g)
    slopes = shape.normals @ box.vectors
    starts = shape.distances - slopes @ np.array(box.first, float)
    _render(density, relaxed, slopes, starts, pull, box.voxel if soft is None else soft, depth)
    return density, relaxed


@njit(cache=True, nogil=True)
def _render(density, relaxed, slopes, starts, pull, soft, depth):  # type: ignore[no-untyped-def]
    """Distance to face f at voxel ijk: starts[f] - slopes[f] . ijk."""
    faces = len(starts)
    row = np.empty(faces)
    for i in range(density.shape[0]):
        for j in range(density.shape[1]):
            for f in range(faces):
                row[f] = starts[f] - slopes[f, 0] * i - slopes[f, 1] * j
            for k in range(density.shape[2]):
                value = 1.0
                for f in range(faces):
                    inside = (row[f] - slopes[f, 2] * k) / soft + 0.5
                    if inside < 1.0:
                        value *= max(inside, 0.0)
                        if value == 0.0:
                            break
                if value == 0.0:
                    continue
                density[i, j, k] = value
                relaxed[i, j, k] = _relaxation(row, slopes[:, 2], k, pull, depth)


@njit(cache=True, nogil=True)
def _relaxation(row, slope, k, pull, depth):  # type: ignore[no-untyped-def]
    total = 0.0
    for f in range(len(row)):
        beneath = max(row[f] - slope[f] * k, 0.0) / depth
        if beneath < FORGOTTEN and pull[f] != 0.0:
            total += pull[f] * np.exp(-beneath)
    return total
