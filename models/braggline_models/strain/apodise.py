"""A spectrum that ends softly."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray


def apodised(psi: NDArray[np.complex64], width: float) -> NDArray[np.complex64]:
    """F^-1[exp(-(x^2) / (2 width^2)) F psi], x = -1 to 1 over the range of q along each axis; width 0 changes nothing.

    psi (n_f, n_r, n_c) complex64, its zero frequency that of the Bragg peak.
    """
    if width <= 0.0:
        return psi
    spectrum = scipy.fft.fftn(psi, workers=1)
    for axis, n in enumerate(psi.shape):
        x = scipy.fft.fftfreq(n, 0.5)
        window = np.exp(-0.5 * (x / width) ** 2).astype(np.float32)
        spectrum *= window.reshape([-1 if k == axis else 1 for k in range(3)])
    return np.asarray(scipy.fft.ifftn(spectrum, workers=1, overwrite_x=True), np.complex64)
