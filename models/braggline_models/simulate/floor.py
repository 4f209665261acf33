"""The best that a measured pattern allows: its moduli with the true phases."""

from __future__ import annotations

from typing import cast

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.scan import PreparedVolume
from braggline_models.simulate.curve import SimulatedTruth


def floor_object(truth: SimulatedTruth, volume: PreparedVolume) -> NDArray[np.complex64]:
    """conj F^-1[sqrt(I) F / |F|], F the transform of the true object in the window of `volume`, not binned.

    Unknown voxels take F itself, scaled to the counts. complex64 of the volume's shape, centered: what a phase
    retrieval that makes no error of its own would find. Raises BadInput for a binned volume, or one beyond the truth.
    """
    if volume.binning != (1, 1, 1):
        raise BadInput(f"{volume.name}: the floor needs a volume that is not binned; prepare with bin_frames=1")
    spectrum = scipy.fft.fftshift(scipy.fft.fftn(scipy.fft.ifftshift(np.conj(truth.object_))))
    first = np.subtract(volume.crop_start_px, truth.volume.crop_start_px)
    cut = tuple(slice(a, a + n) for a, n in zip(first, volume.intensity.shape, strict=True))
    seen = spectrum[cut]
    if seen.shape != volume.intensity.shape or min(first) < 0:
        raise BadInput(f"{volume.name}: the window leaves the simulated pattern; simulate a larger one")
    known = ~volume.mask
    scale = np.sqrt(volume.intensity[known].sum(dtype=float) / np.square(np.abs(seen[known]), dtype=float).sum())
    amplitude = np.where(known, np.sqrt(volume.intensity), np.abs(seen) * scale)
    psi = scipy.fft.ifftn(scipy.fft.ifftshift(amplitude * np.exp(1j * np.angle(seen))))
    return cast(NDArray[np.complex64], np.conj(scipy.fft.fftshift(psi)).astype(np.complex64))
