"""A block of a skewed grid about a crystal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Box:
    """Points r = A (ijk + first), ijk from 0 to shape: the rest of the grid is empty.

    vectors (3, 3): column k is the step along axis k, in any unit of length; first: of the grid's middle, 0
    """

    vectors: NDArray[np.float64]
    first: tuple[int, int, int]
    shape: tuple[int, int, int]

    @property
    def voxel(self) -> float:
        """Edge of the cube that is as large as a voxel."""
        return float(np.cbrt(abs(np.linalg.det(self.vectors))))

    @property
    def points(self) -> NDArray[np.float64]:
        """(*shape, 3)."""
        steps = (np.arange(n) + a for n, a in zip(self.shape, self.first, strict=True))
        return np.asarray(np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1) @ self.vectors.T)


def box_around(vectors: NDArray[np.float64], radius: float, multiple: int = 1) -> Box:
    """The smallest that holds a ball of `radius` and begins at a `multiple` of voxels from the middle."""
    reach = np.ceil((radius * np.linalg.norm(np.linalg.inv(vectors), axis=1) + 1.0) / multiple).astype(int) * multiple
    i, j, k = (int(r) for r in reach)
    return Box(vectors, (-i, -j, -k), (2 * i, 2 * j, 2 * k))
