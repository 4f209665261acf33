"""A spectrum that ends softly."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray


def window(shape: tuple[int, ...], width: float) -> NDArray[np.float32]:
    """exp(-x^2 / (2 width^2)), x = -1 to 1 over the range of q along each axis, in FFT order; 1 for width 0."""
    product = np.ones((1,) * len(shape), np.float32)
    for axis, n in enumerate(shape):
        x = scipy.fft.fftfreq(n, 0.5)
        line = np.exp(-0.5 * (x / width) ** 2) if width > 0 else np.ones(n)
        product = product * line.astype(np.float32).reshape([-1 if k == axis else 1 for k in range(len(shape))])
    return product


def apodised(psi: NDArray[np.complex64], width: float) -> NDArray[np.complex64]:
    """F^-1[w F psi], w the Gaussian window of that width; 0 changes nothing.

    psi (n_f, n_r, n_c) complex64, its zero frequency that of the Bragg peak.
    """
    if width <= 0.0:
        return psi
    spectrum = scipy.fft.fftn(psi, workers=1)
    spectrum *= window(psi.shape, width)
    return np.asarray(scipy.fft.ifftn(spectrum, workers=1, overwrite_x=True), np.complex64)
