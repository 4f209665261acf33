"""I_s(k) = |sum_n rho(n) exp(-2 pi i (s n0/N0 + (k1 - f1) n1/N1 + (k2 - f2) n2/N2))|^2 for ANY real s, exactly.

rho is a crystal on the grid that is conjugate to the detector's volume (frame, row, column). Its phase is -Q.u there:
the scattered amplitude is the sum of |rho| exp(-i Q.u) exp(-i q.r), the sign of numpy's forward transform, which is
also that of the reconstructions PyNX stores. (Reversed and conjugated, the twin, it gives the same intensity.)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

CACHED_FRAMES = 96


class Projection:
    """Frames of the diffraction of `object_` (z, y, x), zero-padded to `volume_shape` (frames, rows, columns).

    Only the three-dimensional sum over z depends on the angle: a frame costs that sum and one 2D transform.
    """

    def __init__(self, object_: NDArray[np.complex64], volume_shape: tuple[int, int, int]) -> None:
        self.object_ = np.ascontiguousarray(object_, np.complex64)
        self.volume_shape = volume_shape
        self.intensity = lru_cache(CACHED_FRAMES)(self._intensity)

    @property
    def total(self) -> float:
        """Sum of the intensity over all frames at integer s, by Parseval."""
        return float(np.prod(self.volume_shape) * np.sum(np.abs(self.object_) ** 2, dtype=np.float64))

    def _intensity(self, s: float, row_fraction: float, column_fraction: float) -> NDArray[np.float32]:
        """(rows, columns) at `s` frames from the Bragg peak; the peak lies at (rows//2 + row_fraction, ...).

        Further than half the volume the object's own sampling ends: nothing is seen there.
        """
        frames, rows, columns = self.volume_shape
        if abs(s) > frames / 2:
            return np.zeros((rows, columns), np.float32)
        depth, height, width = self.object_.shape
        plane = np.tensordot(_ramp(-s, depth, frames), self.object_, 1)
        plane = plane * np.outer(_ramp(row_fraction, height, rows), _ramp(column_fraction, width, columns))
        amplitude = fft.fftshift(fft.fft2(plane, (rows, columns)))
        return (amplitude.real**2 + amplitude.imag**2).astype(np.float32)


def _ramp(shift: float, length: int, period: int) -> NDArray[np.complex64]:
    return np.exp(2j * np.pi * shift * np.arange(length) / period).astype(np.complex64)
