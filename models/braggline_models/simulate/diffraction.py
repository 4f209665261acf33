"""The counts behind a crystal."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray


def expected_counts(object_: NDArray[np.complex64], photons: float) -> NDArray[np.float32]:
    """I = |FFT(conj psi)|^2, centered and scaled to `photons` in all: the amplitude is sum rho exp(-i q.(r + u)).

    object_ (n_f, n_r, n_c) complex64, psi = rho exp(+i Q.u), center at shape // 2, as in results.py.
    """
    spectrum = scipy.fft.fftn(scipy.fft.ifftshift(np.conj(object_)), workers=1)
    intensity = scipy.fft.fftshift(np.abs(spectrum) ** 2)
    return (intensity * (photons / float(intensity.sum(dtype=np.float64)))).astype(np.float32)


def photon_counts(expected: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint32]:
    """What a counting detector reads: Poisson with mean `expected`."""
    return rng.poisson(expected).astype(np.uint32)
