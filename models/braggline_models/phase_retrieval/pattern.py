"""The measured pattern as the engine sees it: amplitudes in FFT order, and which voxels are data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.phase_retrieval import fft
from braggline_models.phase_retrieval.formulas import FREE, MEASURED, UNKNOWN
from braggline_models.scan import BoolArray, PreparedVolume

T = TypeVar("T", bound=np.generic)

SMALLEST_HALF_PX = 24  # an axis is not halved below this


@dataclass(frozen=True)
class Pattern:
    """A = sqrt(I), zero frequency at index 0.

    amplitude (n, n, n) float32; kind uint8 MEASURED, FREE or UNKNOWN
    """

    amplitude: NDArray[np.float32]
    kind: NDArray[np.uint8]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.amplitude.shape

    @cached_property
    def most(self) -> np.float32:
        """The largest measured |Psi|^2: no floating voxel may exceed it."""
        return np.float32(float(self.amplitude[self.kind != UNKNOWN].max()) ** 2)

    @cached_property
    def counts(self) -> tuple[int, int]:
        """Number of measured and of free voxels."""
        return int(np.count_nonzero(self.kind == MEASURED)), int(np.count_nonzero(self.kind == FREE))

    def per_voxel(self, llk: float, free: float) -> tuple[float, float]:
        """Sums over the measured and the free voxels by their numbers; without free voxels both are the LLK."""
        n_measured, n_free = self.counts
        llk = float(llk) / max(n_measured, 1)
        return llk, float(free) / n_free if n_free else llk

    @cached_property
    def energy(self) -> float:
        """sum I over what is measured, free voxels included."""
        return float(np.sum(np.square(self.amplitude, dtype=np.float64)))

    @cached_property
    def halved(self) -> Pattern:
        """The inner half of reciprocal space along each axis that is long enough."""
        shape = tuple(n // 2 if n // 2 >= SMALLEST_HALF_PX and n % 4 == 0 else n for n in self.shape)
        return Pattern(inner(self.amplitude, shape), inner(self.kind, shape))


def pattern_of(volume: PreparedVolume, free: BoolArray) -> Pattern:
    """The pattern of `volume` with the voxels of `free` held out; BadInput where it cannot be phased."""
    if not np.isfinite(volume.intensity).all():
        raise BadInput(f"{volume.name}: intensity holds NaN or infinity; mask these voxels")
    if volume.intensity.ndim != 3 or volume.intensity.shape != volume.mask.shape:
        shapes = f"{volume.intensity.shape} and {volume.mask.shape}"
        raise BadInput(f"{volume.name}: intensity and mask have shapes {shapes}, expected one 3D shape")
    intensity = np.where(volume.mask, np.float32(0.0), np.maximum(volume.intensity, np.float32(0.0)))
    if not intensity.any():
        raise BadInput(f"{volume.name}: no count outside the mask; nothing to phase")
    kind = np.full(intensity.shape, MEASURED, np.uint8)
    kind[free] = FREE
    kind[volume.mask] = UNKNOWN
    amplitude = np.sqrt(intensity, dtype=np.float32)
    return Pattern(np.fft.ifftshift(amplitude), np.fft.ifftshift(kind))


def inner(array: NDArray[T], shape: tuple[int, ...]) -> NDArray[T]:
    """The block of `shape` around index 0 of an array in FFT order, again in FFT order."""
    for axis, n in enumerate(shape):
        if n != array.shape[axis]:
            frequency = np.fft.fftfreq(n, 1.0 / n).astype(np.intp)
            array = np.take(array, frequency % array.shape[axis], axis=axis)
    return np.ascontiguousarray(array)


def free_islands(
    shape: tuple[int, ...], fraction: float, radius_px: int, center: float, seed: np.random.SeedSequence
) -> BoolArray:
    """Balls of `radius_px` at random places that hold `fraction` of the voxels, none near the centre.

    Gives bool (zero frequency at shape // 2), True where held out; nothing within `center` of each half width.
    """
    rng = np.random.default_rng(seed)
    grid = np.indices((2 * radius_px + 1,) * 3).reshape(3, -1).T - radius_px
    ball = grid[np.square(grid).sum(axis=1) <= radius_px**2]
    n = int(np.prod(shape))
    islands = round(-np.log1p(-fraction) * n / len(ball))  # random balls overlap
    places = rng.integers(0, shape, (islands, 3))
    index = (places[:, None, :] + ball[None]).reshape(-1, 3) % shape
    free = np.zeros(shape, bool)
    free[tuple(index.T)] = True
    free[_near_center(shape, center)] = False
    return free


def _near_center(shape: tuple[int, ...], center: float) -> BoolArray:
    near = np.zeros(shape, np.float32)
    for axis, n in enumerate(shape):
        offset = (np.arange(n, dtype=np.float32) - n // 2) / np.float32(n)
        near += np.square(offset).reshape([-1 if k == axis else 1 for k in range(3)])
    return near <= np.float32(center**2)


def fourier_resized(psi: NDArray[np.complex64], shape: tuple[int, ...]) -> NDArray[np.complex64]:
    """psi on another grid over the same field of view: its FFT cropped or padded with zeros about the centre."""
    psi_q = fft.fftn(psi)
    for axis, n in enumerate(shape):
        psi_q = _padded(psi_q, axis, n) if n > psi_q.shape[axis] else psi_q
    return fft.ifftn(inner(psi_q, shape))


def _padded(psi_q: NDArray[np.complex64], axis: int, n: int) -> NDArray[np.complex64]:
    old = psi_q.shape[axis]
    shape = tuple(n if k == axis else size for k, size in enumerate(psi_q.shape))
    padded = np.zeros(shape, np.complex64)
    index = np.fft.fftfreq(old, 1.0 / old).astype(np.intp) % n
    padded[tuple(index if k == axis else slice(None) for k in range(3))] = psi_q
    return padded
