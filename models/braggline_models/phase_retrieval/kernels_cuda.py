"""The passes of kernels_cpu.py for a GPU: the same names, arguments and formulas, one thread a voxel.

Arrays are CuPy's (or numpy's under NUMBA_ENABLE_CUDASIM=1, which is how CI runs this file's own code).
Unverified on a real GPU. Sums are added up in blocks and then by atomics: their last bits may differ from run to run.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import config, cuda

from braggline_models.phase_retrieval import formulas

_device = cuda.jit(device=True)
_intensity = _device(formulas.intensity)
_wanted = _device(formulas.wanted)
_modulus_factor = _device(formulas.modulus_factor)
_count_ratio = _device(formulas.count_ratio)
_half_deviance = _device(formulas.half_deviance)
_combined = _device(formulas.combined)
_difference_map = _device(formulas.difference_map)
_poisson_gradient = _device(formulas.poisson_gradient)
MEASURED, FREE, UNKNOWN = formulas.MEASURED, formulas.FREE, formulas.UNKNOWN

THREADS = 4 if config.ENABLE_CUDASIM else 256  # the simulator's threads are the operating system's
MOST_BLOCKS = 4 if config.ENABLE_CUDASIM else 1024
_F0, _F1, _F2 = np.float32(0.0), np.float32(1.0), np.float32(2.0)


def project_modulus(psi_q: Any, amplitude: Any, kind: Any, most_free: Any, most_unknown: Any, scale: Any) -> Any:
    """As in kernels_cpu.py."""
    return _summed(_project, amplitude.size, _line(psi_q), amplitude, False, amplitude, kind, most_free,
                   most_unknown, scale, True)  # fmt: skip


def project_blurred(
    psi_q: Any, blurred: Any, amplitude: Any, kind: Any, most_free: Any, most_unknown: Any, scale: Any
) -> Any:
    """As in kernels_cpu.py."""
    return _summed(_project, amplitude.size, _line(psi_q), blurred, True, amplitude, kind, most_free, most_unknown,
                   scale, True)  # fmt: skip


def likelihood(psi_q: Any, amplitude: Any, kind: Any) -> Any:
    """As in kernels_cpu.py."""
    return _summed(_project, amplitude.size, _line(psi_q), amplitude, False, amplitude, kind, _F0, _F0, _F1,
                   False)  # fmt: skip


def update(psi: Any, projected: Any, support: Any, a: Any, b: Any) -> Any:
    """As in kernels_cpu.py."""
    return _summed(_update, support.size, _line(psi), _line(projected), support, a, b)


def flip(psi: Any, projected: Any, support: Any, level: Any) -> Any:
    """As in kernels_cpu.py."""
    return _summed(_flip, support.size, _line(psi), _line(projected), support, level)


def relaxed_support(psi: Any, support: Any, beta: Any, out: Any) -> None:
    """As in kernels_cpu.py."""
    _relaxed[_blocks(support.size), THREADS](_line(psi), support, beta, _line(out))


def update_difference(psi: Any, first: Any, second: Any, support: Any, beta: Any) -> Any:
    """As in kernels_cpu.py."""
    return _summed(_difference, support.size, _line(psi), _line(first), _line(second), support, beta)


def gradient(psi_q: Any, amplitude: Any, kind: Any, scale: Any, out: Any) -> None:
    """As in kernels_cpu.py."""
    _gradient[_blocks(amplitude.size), THREADS](_line(psi_q), amplitude, kind, scale, _line(out))


def line_terms(psi_q: Any, step_q: Any, amplitude: Any, kind: Any) -> Any:
    """As in kernels_cpu.py."""
    return _summed(_terms, amplitude.size, _line(psi_q), _line(step_q), amplitude, kind)


def _line(array: Any) -> Any:
    """Components one after the other: re, im, re, im."""
    return array.view(np.float32)


def _blocks(n: int) -> int:
    return min((n + THREADS - 1) // THREADS, MOST_BLOCKS)


def _summed(kernel: Any, n: int, *arguments: Any) -> tuple[float, float]:
    sums = cuda.to_device(np.zeros(2))
    kernel[_blocks(n), THREADS](*arguments, sums)
    first, second = sums.copy_to_host()
    return float(first), float(second)


@cuda.jit(device=True)
def _add(first, second, sums):  # type: ignore[no-untyped-def]
    """The values of all threads of a block, added to the two sums."""
    shared = cuda.shared.array((2, THREADS), np.float64)
    thread = cuda.threadIdx.x
    shared[0, thread] = first
    shared[1, thread] = second
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if thread < half:
            shared[0, thread] += shared[0, thread + half]
            shared[1, thread] += shared[1, thread + half]
        cuda.syncthreads()
        half //= 2
    if thread == 0:
        cuda.atomic.add(sums, 0, shared[0, 0])
        cuda.atomic.add(sums, 1, shared[1, 0])


@cuda.jit
def _project(  # type: ignore[no-untyped-def]
    z, expected, blurred, amplitude, kind, most_free, most_unknown, scale, write, sums
):
    llk, free = 0.0, 0.0
    for i in range(cuda.grid(1), amplitude.size, cuda.gridsize(1)):
        re, im, counts = z[2 * i], z[2 * i + 1], amplitude[i] * amplitude[i]
        calculated = max(expected[i], formulas.FLOOR) if blurred else _intensity(re, im)
        inverse = _F1 / calculated
        deviance = _half_deviance(counts, calculated, math.log(_count_ratio(counts, inverse)))
        measured = _F1 if kind[i] == MEASURED else _F0
        if kind[i] == MEASURED:
            llk += deviance
        elif kind[i] == FREE:
            free += deviance
        if write:
            most = most_free if kind[i] == FREE else most_unknown
            factor = scale * _modulus_factor(_wanted(counts, calculated, measured, most), inverse)
            z[2 * i] = re * factor
            z[2 * i + 1] = im * factor
    _add(llk, free, sums)


@cuda.jit
def _update(z, p, support, a, b, sums):  # type: ignore[no-untyped-def]
    inside, outside = 0.0, 0.0
    for i in range(cuda.grid(1), support.size, cuda.gridsize(1)):
        re, im = p[2 * i], p[2 * i + 1]
        if support[i]:
            inside += re * re + im * im
        else:
            outside += re * re + im * im
            re, im = _combined(z[2 * i], re, a, b), _combined(z[2 * i + 1], im, a, b)
        z[2 * i] = re
        z[2 * i + 1] = im
        p[2 * i] = re
        p[2 * i + 1] = im
    _add(inside, outside, sums)


@cuda.jit
def _flip(z, p, support, level, sums):  # type: ignore[no-untyped-def]
    inside, outside = 0.0, 0.0
    for i in range(cuda.grid(1), support.size, cuda.gridsize(1)):
        square = p[2 * i] * p[2 * i] + p[2 * i + 1] * p[2 * i + 1]
        if support[i]:
            inside += square
        else:
            outside += square
        sign = _F1 if square > level else -_F1
        for k in range(2 * i, 2 * i + 2):
            p[k] = sign * p[k]
            z[k] = p[k]
    _add(inside, outside, sums)


@cuda.jit
def _relaxed(z, support, beta, out):  # type: ignore[no-untyped-def]
    for i in range(cuda.grid(1), support.size, cuda.gridsize(1)):
        share = _F1 if support[i] else _F1 / beta
        out[2 * i] = share * z[2 * i]
        out[2 * i + 1] = share * z[2 * i + 1]


@cuda.jit
def _difference(z, first, second, support, beta, sums):  # type: ignore[no-untyped-def]
    inside, outside = 0.0, 0.0
    for i in range(cuda.grid(1), support.size, cuda.gridsize(1)):
        square = first[2 * i] * first[2 * i] + first[2 * i + 1] * first[2 * i + 1]
        if support[i]:
            inside += square
        else:
            outside += square
        for k in range(2 * i, 2 * i + 2):
            z[k] = _difference_map(z[k], first[k], second[k], beta, support[i] != 0)
    _add(inside, outside, sums)


@cuda.jit
def _gradient(z, amplitude, kind, scale, out):  # type: ignore[no-untyped-def]
    for i in range(cuda.grid(1), amplitude.size, cuda.gridsize(1)):
        measured = _F1 if kind[i] == MEASURED else _F0
        calculated = _intensity(z[2 * i], z[2 * i + 1])
        weight = scale * _poisson_gradient(amplitude[i] * amplitude[i], calculated, measured)
        out[2 * i] = weight * z[2 * i]
        out[2 * i + 1] = weight * z[2 * i + 1]


@cuda.jit
def _terms(z, d, amplitude, kind, sums):  # type: ignore[no-untyped-def]
    slope, curvature = 0.0, 0.0
    for i in range(cuda.grid(1), amplitude.size, cuda.gridsize(1)):
        if kind[i] == MEASURED:
            counts = amplitude[i] * amplitude[i]
            calculated = max(_intensity(z[2 * i], z[2 * i + 1]), formulas.LEAST_EXPECTED)
            cross = _F2 * (z[2 * i] * d[2 * i] + z[2 * i + 1] * d[2 * i + 1])
            excess = _F1 - counts / calculated
            slope += cross * excess
            length = d[2 * i] * d[2 * i] + d[2 * i + 1] * d[2 * i + 1]
            curvature += _F2 * length * excess + counts * (cross / calculated) ** 2
    _add(slope, curvature, sums)
