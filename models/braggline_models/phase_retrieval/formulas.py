"""The scalar formulas of the engine, written once: kernels_cpu.py and kernels_cuda.py compile this same text.

Plain functions of float32 scalars. A complex voxel comes as its two components, so that loops turn into vector code.
"""

from __future__ import annotations

import math

import numpy as np

MEASURED = np.uint8(0)
FREE = np.uint8(1)  # measured, but held out of the modulus projection
UNKNOWN = np.uint8(2)

FLOOR = np.float32(1e-12)
LEAST_EXPECTED = np.float32(0.01)  # counts; keeps the logarithm of an empty calculated voxel finite
MOST_INVERSE = np.float32(100.0)  # 1 / LEAST_EXPECTED
ONE = np.float32(1.0)


def intensity(re, im):  # type: ignore[no-untyped-def]  # compiled: numba infers the types
    """|z|^2, floored at 1e-12."""
    square = re * re + im * im
    return square if square > FLOOR else FLOOR


def wanted(counts, calculated, measured, most):  # type: ignore[no-untyped-def]
    """The |Psi|^2 that the projection asks for: the counts where measured, elsewhere what is there, up to `most`.

    Both are known before the choice: it stays a selection in vector code.
    """
    floating = calculated if calculated < most else most
    return counts if measured else floating


def modulus_factor(target, inverse):  # type: ignore[no-untyped-def]
    """What brings |Psi| to the square root of the target; inverse = 1 / |Psi|^2."""
    return math.sqrt(target * inverse)


def count_ratio(counts, inverse):  # type: ignore[no-untyped-def]
    """I / I_c, both floored: the argument of the logarithm in the deviance; inverse = 1 / I_c."""
    bounded = inverse if inverse < MOST_INVERSE else MOST_INVERSE
    return (counts if counts > FLOOR else FLOOR) * bounded


def half_deviance(counts, calculated, log_ratio):  # type: ignore[no-untyped-def]
    """I_c - I + I ln(I / I_c): the Poisson log-likelihood ratio of one voxel, 0 where the model is perfect."""
    expected = calculated if calculated > LEAST_EXPECTED else LEAST_EXPECTED
    return expected - counts + counts * log_ratio


def combined(psi, projected, a, b):  # type: ignore[no-untyped-def]
    """a psi + b P_M psi, one component: what every fixed-point update does outside the support (updates.py)."""
    return a * psi + b * projected


def difference_map(psi, first, second, beta, inside):  # type: ignore[no-untyped-def]
    """psi + beta (P_S f_M - P_M f_S), one component; first = P_M psi, second = P_M f_S psi (Elser 2003)."""
    from_modulus = (ONE + beta) * first - psi if inside else np.float32(0.0)
    return psi + from_modulus - beta * second


def poisson_gradient(counts, calculated, measured):  # type: ignore[no-untyped-def]
    """1 - I / |Psi|^2 where measured (1), 0 elsewhere: the gradient of |Psi|^2 - I ln |Psi|^2 over Psi."""
    expected = calculated if calculated > LEAST_EXPECTED else LEAST_EXPECTED
    return measured * (ONE - counts / expected)
