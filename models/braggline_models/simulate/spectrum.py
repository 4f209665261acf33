"""Counts in a window of reciprocal space, of a crystal on a finer grid: cropped in q, where it is the truth's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from braggline_models.simulate.box import Box


def amplitude(
    psi: NDArray[np.complex64],
    box: Box,
    shape: Sequence[int],
    finer: int,
    offsets: NDArray[np.float64] | None = None,
) -> NDArray[np.complex64]:
    """F(m) = sum conj(psi) exp(-2 pi i m.p / (shape finer)), p the voxel of the finer grid: `shape`, 0 at shape // 2.

    One small matrix an axis: the crystal fills little of the finer grid, and little of its spectrum is seen.
    offsets (shape[0],): of the steps along the first axis from where they should be, for a scan that jitters.
    """
    result = np.conj(psi)
    for axis in range(3):
        m = np.arange(shape[axis]) - shape[axis] // 2
        at = m if axis or offsets is None else m + offsets
        p = np.arange(box.shape[axis]) + box.first[axis]
        wave = np.exp(-2j * np.pi / (shape[axis] * finer) * np.outer(at, p)).astype(np.complex64)
        result = np.moveaxis(np.tensordot(wave, result, (1, axis)), 0, axis)
    return np.ascontiguousarray(result)


def object_of(spectrum: NDArray[np.complex64], finer: int) -> NDArray[np.complex64]:
    """conj F^-1 of the window: the crystal as it can be known, amplitude 1 in the bulk, center at shape // 2."""
    psi = scipy.fft.ifftn(scipy.fft.ifftshift(spectrum), workers=1)
    return np.conj(scipy.fft.fftshift(psi)) / np.complex64(finer**3)


def blurred(intensity: NDArray[np.float32], sigma_px: Sequence[float]) -> NDArray[np.float32]:
    """Partial coherence: the intensity convolved with a Gaussian of `sigma_px` along each axis, total unchanged."""
    if not any(sigma_px):
        return intensity
    spectrum = scipy.fft.rfftn(intensity, workers=1)
    for axis, (n, sigma) in enumerate(zip(intensity.shape, sigma_px, strict=True)):
        f = np.fft.rfftfreq(n) if axis == 2 else np.fft.fftfreq(n)
        window = np.exp(-2 * np.square(np.pi * sigma * f)).astype(np.float32)
        spectrum *= window.reshape([-1 if a == axis else 1 for a in range(3)])
    return np.maximum(scipy.fft.irfftn(spectrum, intensity.shape, workers=1), 0).astype(np.float32)


def scaled(intensity: NDArray[np.float32], photons: float) -> NDArray[np.float32]:
    """The same with `photons` in all."""
    return intensity * np.float32(photons / float(intensity.sum(dtype=np.float64)))
