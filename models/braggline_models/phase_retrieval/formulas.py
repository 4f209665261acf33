"""The scalar formulas of the projections, written once: kernels_cpu.py compiles them for the CPU.

Plain functions of float32 scalars and complex64 values, so that another compiler (CUDA) can take the same text.
"""

from __future__ import annotations

import math

import numpy as np

MEASURED = np.uint8(0)
FREE = np.uint8(1)  # measured, but held out of the modulus projection
UNKNOWN = np.uint8(2)

FLOOR = np.float32(1e-12)
LEAST_EXPECTED = np.float32(0.01)  # counts; keeps the logarithm of an empty calculated voxel finite
ONE = np.float32(1.0)
TWO = np.float32(2.0)


def intensity(z):  # type: ignore[no-untyped-def]  # compiled: numba infers the types
    """|z|^2"""
    return z.real * z.real + z.imag * z.imag


def modulus_factor(amplitude, calculated):  # type: ignore[no-untyped-def]
    """A / |Psi|, |Psi|^2 floored at 1e-12."""
    return amplitude / math.sqrt(max(calculated, FLOOR))


def cap_factor(most, calculated):  # type: ignore[no-untyped-def]
    """1, or what brings |Psi|^2 down to `most`: a floating voxel is no stronger than the strongest measured one."""
    return ONE if calculated <= most else math.sqrt(most / calculated)


def half_deviance(counts, calculated):  # type: ignore[no-untyped-def]
    """I_c - I + I ln(I / I_c): the Poisson log-likelihood ratio of one voxel, 0 where the model is perfect."""
    if counts <= FLOOR:
        return calculated
    expected = max(calculated, LEAST_EXPECTED)
    return expected - counts + counts * math.log(counts / expected)


def hio_outside(psi, projected, beta):  # type: ignore[no-untyped-def]
    """psi - beta P_M psi (Fienup 1982)."""
    return psi - beta * projected


def raar_outside(psi, projected, beta):  # type: ignore[no-untyped-def]
    """beta psi + (1 - 2 beta) P_M psi (Luke 2005)."""
    return beta * psi + (ONE - TWO * beta) * projected
