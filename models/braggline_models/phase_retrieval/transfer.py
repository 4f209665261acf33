"""How far out in reciprocal space the phases agree: the phase retrieval transfer function and the resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braggline_models.phase_retrieval import fft
from braggline_models.phase_retrieval.formulas import UNKNOWN
from braggline_models.phase_retrieval.pattern import Pattern

LIMIT = 1.0 / np.e
LEAST_FILLED = 0.01  # share of a shell's measured voxels with a count: below it there is no signal


@dataclass(frozen=True)
class Transfer:
    """PRTF by shells of |q - q_bragg| (1/m, shell centres) and the half period in m where it falls below 1/e."""

    value: NDArray[np.float64]
    q_per_m: NDArray[np.float64]
    resolution_m: float


def transfer(merged: NDArray[np.complex64], pattern: Pattern, q_step_per_m: NDArray[np.float64]) -> Transfer:
    """sum |<Psi>| / sum A over the voxels of each shell that hold a count.

    merged complex64, the mean of the aligned runs, |FFT|^2 = I; shells end with the measured signal.
    Source: Chapman et al., J. Opt. Soc. Am. A 23, 1179 (2006).
    """
    radius, width = _radius_per_m(pattern.shape, q_step_per_m)
    shell = (radius / width).astype(np.intp).ravel()
    known = (pattern.kind != UNKNOWN).ravel()
    filled = known & (pattern.amplitude.ravel() > 0)
    modulus = np.abs(fft.fftn(merged)).ravel()
    n = int(shell.max()) + 1
    calculated = np.bincount(shell[filled], modulus[filled], n)
    measured = np.bincount(shell[filled], pattern.amplitude.ravel()[filled], n)
    share = np.bincount(shell[filled], minlength=n) / np.maximum(np.bincount(shell[known], minlength=n), 1)
    empty = np.flatnonzero(share < LEAST_FILLED)
    last = max(int(empty[0]) if empty.size else n, 1)
    value = np.asarray(calculated[:last] / np.maximum(measured[:last], 1e-30), np.float64)
    q = np.asarray((np.arange(last) + 0.5) * width, np.float64)
    return Transfer(value, q, _half_period(value, q, width))


def shell_correlation(
    a: NDArray[np.complex64], b: NDArray[np.complex64], q_step_per_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Re sum A conj(B) / sqrt(sum |A|^2 sum |B|^2) by the shells of `transfer`: the Fourier shell correlation.

    a, b: two objects laid onto each other. Source: Harauz, van Heel, Optik 73, 146 (1986).
    """
    radius, width = _radius_per_m(a.shape, q_step_per_m)
    shell = (radius / width).astype(np.intp).ravel()
    a_q, b_q = fft.fftn(a).ravel(), fft.fftn(b).ravel()
    cross = np.bincount(shell, np.real(a_q * np.conj(b_q)))
    norm = np.bincount(shell, np.square(np.abs(a_q))) * np.bincount(shell, np.square(np.abs(b_q)))
    return np.asarray(cross / np.maximum(np.sqrt(norm), 1e-30), np.float64)


def _half_period(value: NDArray[np.float64], q: NDArray[np.float64], width: float) -> float:
    below = np.flatnonzero(value < LIMIT)
    if not below.size:
        return float(np.pi / (q[-1] + width / 2))
    k = int(below[0])
    if k == 0:
        return float(np.pi / q[0])
    crossing = q[k - 1] + width * (value[k - 1] - LIMIT) / (value[k - 1] - value[k])
    return float(np.pi / crossing)


def _radius_per_m(shape: tuple[int, ...], q_step_per_m: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """|q - q_bragg| of each voxel in FFT order, and the width of a shell: the longest step."""
    axes = [np.fft.fftfreq(n, 1.0 / n) for n in shape]
    square = np.zeros(shape)
    for component in q_step_per_m:
        terms = [c * axis for c, axis in zip(component, axes, strict=True)]
        square += np.square(terms[0][:, None, None] + terms[1][None, :, None] + terms[2][None, None, :])
    return np.sqrt(square), float(np.linalg.norm(q_step_per_m, axis=0).max())
