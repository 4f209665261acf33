"""A spectrum that ends softly."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

BROAD = 0.5  # of the width: what such a window leaves of the phase is taken out before the other is laid on


def window(shape: tuple[int, ...], width: float) -> NDArray[np.float32]:
    """exp(-x^2 / (2 width^2)), x = -1 to 1 over the range of q along each axis, in FFT order; 1 for width 0."""
    product = np.ones((1,) * len(shape), np.float32)
    for axis, n in enumerate(shape):
        x = scipy.fft.fftfreq(n, 0.5)
        line = np.exp(-0.5 * (x / width) ** 2) if width > 0 else np.ones(n)
        product = product * line.astype(np.float32).reshape([-1 if k == axis else 1 for k in range(len(shape))])
    return product


def response(shape: tuple[int, ...], width: float) -> NDArray[np.float32]:
    """What `apodised` leaves of a weak wave of the phase: 1 - (1 - w)(1 - v), v the narrower window. FFT order."""
    one = np.float32(1.0)
    return np.asarray(one - (one - window(shape, width)) * (one - window(shape, BROAD * width)), np.float32)


def apodised(psi: NDArray[np.complex64], width: float) -> NDArray[np.complex64]:
    """F^-1[w F (psi e^-ia)] e^ia, w the Gaussian window of that width, a the phase of F^-1[v F psi], v half as wide.

    A window laid on psi itself would mix neighbors of different phase: where the strain is strong it takes amplitude
    away, bends the faces and pulls the strain at the surface towards 0. So the broad waves of the phase are taken out
    first. psi (n_f, n_r, n_c) complex64, its zero frequency that of the Bragg peak; width 0 changes nothing.
    """
    if width <= 0.0:
        return psi
    broad = _windowed(psi, BROAD * width)
    turn = broad * np.reciprocal(np.maximum(np.abs(broad), np.float32(1e-30)))
    return np.asarray(_windowed(psi * turn.conj(), width) * turn, np.complex64)


def _windowed(psi: NDArray[np.complex64], width: float) -> NDArray[np.complex64]:
    spectrum = scipy.fft.fftn(psi, workers=1)
    spectrum *= window(psi.shape, width)
    return np.asarray(scipy.fft.ifftn(spectrum, workers=1, overwrite_x=True), np.complex64)
