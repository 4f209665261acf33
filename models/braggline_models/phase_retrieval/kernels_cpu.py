"""The passes over memory of one iteration, fused and compiled for one CPU thread; the GIL is released.

Arrays are flat views, changed in place: psi, projected complex64; amplitude float32; kind, support uint8.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from braggline_models.phase_retrieval import formulas

_OPTIONS = {"cache": True, "nogil": True, "fastmath": {"contract", "reassoc", "nsz", "arcp"}}
_inline = numba.njit(cache=True, inline="always")
_intensity = _inline(formulas.intensity)
_modulus_factor = _inline(formulas.modulus_factor)
_cap_factor = _inline(formulas.cap_factor)
_half_deviance = _inline(formulas.half_deviance)
_hio_outside = _inline(formulas.hio_outside)
_raar_outside = _inline(formulas.raar_outside)
MEASURED, FREE, UNKNOWN = formulas.MEASURED, formulas.FREE, formulas.UNKNOWN

Complex = NDArray[np.complex64]
Float = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@numba.njit(**_OPTIONS)
def project_modulus(psi_q: Complex, amplitude: Float, kind: Bytes, most: np.float32) -> tuple[float, float]:
    """Psi A / |Psi| where measured; elsewhere Psi, bounded. Gives the sums of half the deviance: measured, free."""
    llk = 0.0
    free = 0.0
    for i in range(psi_q.size):
        calculated = _intensity(psi_q[i])
        if kind[i] == MEASURED:
            a = amplitude[i]
            llk += _half_deviance(a * a, calculated)
            psi_q[i] *= _modulus_factor(a, calculated)
        else:
            if kind[i] == FREE:
                free += _half_deviance(amplitude[i] * amplitude[i], calculated)
            if calculated > most:
                psi_q[i] *= _cap_factor(most, calculated)
    return llk, free


@numba.njit(**_OPTIONS)
def likelihood(psi_q: Complex, amplitude: Float, kind: Bytes) -> tuple[float, float]:
    """Sums of half the deviance over the measured and over the free voxels; nothing is changed."""
    llk = 0.0
    free = 0.0
    for i in range(psi_q.size):
        if kind[i] == MEASURED:
            llk += _half_deviance(amplitude[i] * amplitude[i], _intensity(psi_q[i]))
        elif kind[i] == FREE:
            free += _half_deviance(amplitude[i] * amplitude[i], _intensity(psi_q[i]))
    return llk, free


@numba.njit(**_OPTIONS)
def update_er(psi: Complex, projected: Complex, support: Bytes, beta: np.float32) -> tuple[float, float]:
    """psi = S P_M psi; gives sum |P_M psi|^2 inside and outside the support."""
    inside = 0.0
    outside = 0.0
    for i in range(psi.size):
        if support[i]:
            psi[i] = projected[i]
            inside += _intensity(projected[i])
        else:
            psi[i] = np.complex64(0.0)
            outside += _intensity(projected[i])
    return inside, outside


@numba.njit(**_OPTIONS)
def update_hio(psi: Complex, projected: Complex, support: Bytes, beta: np.float32) -> tuple[float, float]:
    """psi = P_M psi inside, psi - beta P_M psi outside; gives sum |P_M psi|^2 inside and outside."""
    inside = 0.0
    outside = 0.0
    for i in range(psi.size):
        if support[i]:
            psi[i] = projected[i]
            inside += _intensity(projected[i])
        else:
            psi[i] = _hio_outside(psi[i], projected[i], beta)
            outside += _intensity(projected[i])
    return inside, outside


@numba.njit(**_OPTIONS)
def update_raar(psi: Complex, projected: Complex, support: Bytes, beta: np.float32) -> tuple[float, float]:
    """psi = P_M psi inside, beta psi + (1 - 2 beta) P_M psi outside; gives sum |P_M psi|^2 inside and outside."""
    inside = 0.0
    outside = 0.0
    for i in range(psi.size):
        if support[i]:
            psi[i] = projected[i]
            inside += _intensity(projected[i])
        else:
            psi[i] = _raar_outside(psi[i], projected[i], beta)
            outside += _intensity(projected[i])
    return inside, outside


UPDATES = {"ER": update_er, "HIO": update_hio, "RAAR": update_raar, "DETWIN": update_er}
