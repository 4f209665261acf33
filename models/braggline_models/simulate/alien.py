"""Counts that are not the crystal's: a second crystal's Bragg peak, or a streak across the detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

NEAREST = 0.15  # of the window's half width from its middle: nearer, it is no second peak
FARTHEST = 0.95


@dataclass(frozen=True)
class Alien:
    """strength: its brightest voxel over that of the crystal's peak; center, width (3,) voxels; axes rows unit.

    peak: the pattern of a cuboid, sinc^2 with its minima every `width` along each of the axes
    streak: a Lorentzian of `width` about the line along axes[0], fading over width[0]
    """

    kind: Literal["peak", "streak"]
    strength: float
    center: NDArray[np.float64]
    width: NDArray[np.float64]
    axes: NDArray[np.float64]

    def intensity(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Relative to the crystal's peak, float32 `shape`."""
        result = np.full(shape, self.strength, np.float32)
        along = [self._across(shape, a) for a in range(3)]
        if self.kind == "peak":
            for x in along:
                result *= np.square(np.sinc(x))
            return result
        result *= np.exp(-0.5 * np.square(along[0]))
        return np.asarray(result / np.square(1.0 + np.square(along[1]) + np.square(along[2])), np.float32)

    def _across(self, shape: tuple[int, ...], a: int) -> NDArray[np.float32]:
        """Coordinate along axes[a], in widths."""
        total = np.zeros((), np.float32)
        for axis, n in enumerate(shape):
            step = (np.arange(n) - self.center[axis]) * self.axes[a, axis] / self.width[a]
            total = total + step.astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
        return np.asarray(total, np.float32)


def drawn_alien(shape: tuple[int, ...], strength: float, rng: np.random.Generator) -> Alien:
    """A peak or, one time in three, a streak, somewhere in a window of `shape` but not on its middle."""
    half = np.array(shape) / 2.0
    direction = rng.standard_normal(3)
    direction /= np.abs(direction).max()
    center = half + direction * half * rng.uniform(NEAREST, FARTHEST)
    axes = Rotation.random(rng=rng).as_matrix()
    if rng.random() < 1 / 3:
        width = np.array([rng.uniform(0.15, 0.6) * max(shape), *rng.uniform(0.6, 1.5, 2)])
        return Alien("streak", strength, center, width, axes)
    return Alien("peak", strength, center, np.exp(rng.uniform(np.log(1.5), np.log(5.0), 3)), axes)
