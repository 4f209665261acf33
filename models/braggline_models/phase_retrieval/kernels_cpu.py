"""The passes over memory of one iteration, fused and compiled for one CPU thread; the GIL is released.

Arrays are changed in place: psi, psi_q, projected complex64; amplitude, blurred float32; kind, support uint8; all
contiguous and of one size. Sums run in float32 within a block and in float64 over the blocks, always in the same order.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from braggline_models.phase_retrieval import formulas

_inline = numba.njit(inline="always", error_model="numpy")
_intensity = _inline(formulas.intensity)
_wanted = _inline(formulas.wanted)
_modulus_factor = _inline(formulas.modulus_factor)
_count_ratio = _inline(formulas.count_ratio)
_half_deviance = _inline(formulas.half_deviance)
_combined = _inline(formulas.combined)
_difference_map = _inline(formulas.difference_map)
_poisson_gradient = _inline(formulas.poisson_gradient)
MEASURED, FREE, UNKNOWN = formulas.MEASURED, formulas.FREE, formulas.UNKNOWN
BLOCK = 2048  # voxels: a block stays in the first cache

Array = NDArray[Any]
Sums = tuple[float, float]
_F0 = np.float32(0.0)


def _compiled(function):  # type: ignore[no-untyped-def]
    return numba.njit(function, cache=True, nogil=True, fastmath=True, error_model="numpy")


@_inline
def _log(x):  # type: ignore[no-untyped-def]
    """ln x of a normal float32 > 0 to 4e-7, from exponent and mantissa; unlike math.log it is vector code.

    ln(1 + m) = m - m^2 / 2 + m^3 P(m) for 1 + m within sqrt(2) of 1, P fitted to 4e-7: the deviance, in which all but
    the third order cancels, keeps five digits.
    """
    bits = x.view(np.int32)
    exponent = np.int32(np.int32(bits - np.int32(0x3F3504F3)) >> np.int32(23))
    m = np.int32(bits - np.int32(exponent << np.int32(23))).view(np.float32) - np.float32(1.0)
    p = np.float32(0.1170762)
    p = p * m + np.float32(-0.1849623)
    p = p * m + np.float32(0.2049368)
    p = p * m + np.float32(-0.2493692)
    p = p * m + np.float32(0.3331744)
    p = p * m - np.float32(0.5)
    return m * m * p + m + np.float32(0.69314718) * np.float32(exponent)


@_compiled
def project_modulus(  # type: ignore[no-untyped-def]
    psi_q, amplitude, kind, most_free, most_unknown, scale
):
    """scale Psi A / |Psi| where measured; elsewhere scale Psi, bounded. Sums of half the deviance: measured, free."""
    llk, free = 0.0, 0.0
    flat = psi_q.view(np.float32)
    for begin in range(0, amplitude.size, BLOCK):
        z, a, k = flat[2 * begin : 2 * (begin + BLOCK)], amplitude[begin : begin + BLOCK], kind[begin : begin + BLOCK]
        block_llk, block_free = _F0, _F0
        for i in range(a.size):
            re, im, what = z[2 * i], z[2 * i + 1], k[i]
            calculated = _intensity(re, im)
            counts, inverse = a[i] * a[i], np.float32(1.0) / calculated
            most = most_free if what == FREE else most_unknown
            factor = scale * _modulus_factor(_wanted(counts, calculated, what == MEASURED, most), inverse)
            z[2 * i] = re * factor
            z[2 * i + 1] = im * factor
            deviance = _half_deviance(counts, calculated, _log(np.float32(_count_ratio(counts, inverse))))
            block_llk += np.float32(what == MEASURED) * deviance
            block_free += np.float32(what == FREE) * deviance
        llk += block_llk
        free += block_free
    return llk, free


@_compiled
def project_blurred(  # type: ignore[no-untyped-def]
    psi_q, blurred, amplitude, kind, most_free, most_unknown, scale
):
    """As project_modulus, with I_c = |Psi|^2 convolved with the coherence function, given as `blurred`."""
    llk, free = 0.0, 0.0
    flat = psi_q.view(np.float32)
    for i in range(amplitude.size):
        calculated = max(blurred[i], formulas.FLOOR)
        counts, inverse = amplitude[i] * amplitude[i], np.float32(1.0) / calculated
        deviance = _half_deviance(counts, calculated, math.log(_count_ratio(counts, inverse)))
        measured, held_out = np.float32(kind[i] == MEASURED), np.float32(kind[i] == FREE)
        llk += measured * deviance
        free += held_out * deviance
        most = held_out * most_free + (np.float32(1.0) - held_out) * most_unknown
        factor = scale * _modulus_factor(_wanted(counts, calculated, measured, most), inverse)
        flat[2 * i] *= factor
        flat[2 * i + 1] *= factor
    return llk, free


@_compiled
def likelihood(psi_q, amplitude, kind):  # type: ignore[no-untyped-def]
    """Sums of half the deviance over the measured and over the free voxels; nothing is changed."""
    llk, free = 0.0, 0.0
    flat = psi_q.view(np.float32)
    for begin in range(0, amplitude.size, BLOCK):
        z, a, k = flat[2 * begin : 2 * (begin + BLOCK)], amplitude[begin : begin + BLOCK], kind[begin : begin + BLOCK]
        block_llk, block_free = _F0, _F0
        for i in range(a.size):
            calculated = _intensity(z[2 * i], z[2 * i + 1])
            counts, inverse = a[i] * a[i], np.float32(1.0) / calculated
            deviance = _half_deviance(counts, calculated, _log(np.float32(_count_ratio(counts, inverse))))
            block_llk += np.float32(k[i] == MEASURED) * deviance
            block_free += np.float32(k[i] == FREE) * deviance
        llk += block_llk
        free += block_free
    return llk, free


@_compiled
def update(psi, projected, support, a, b):  # type: ignore[no-untyped-def]
    """psi = P_M psi inside, a psi + b P_M psi outside; projected becomes the new psi too.

    Gives sum |P_M psi|^2 inside and outside the support.
    """
    inside, outside = 0.0, 0.0
    flat, other = psi.view(np.float32), projected.view(np.float32)
    for begin in range(0, support.size, BLOCK):
        z, p = flat[2 * begin : 2 * (begin + BLOCK)], other[2 * begin : 2 * (begin + BLOCK)]
        s = support[begin : begin + BLOCK]
        block_inside, block_outside = _F0, _F0
        for i in range(s.size):
            re, im = p[2 * i], p[2 * i + 1]
            within = np.float32(s[i] != 0)  # a choice would become loads that depend on it: three times the time
            beyond = np.float32(1.0) - within
            square = re * re + im * im
            block_inside += within * square
            block_outside += beyond * square
            new_re = within * re + beyond * _combined(z[2 * i], re, a, b)
            new_im = within * im + beyond * _combined(z[2 * i + 1], im, a, b)
            z[2 * i] = new_re
            z[2 * i + 1] = new_im
            p[2 * i] = new_re
            p[2 * i + 1] = new_im
        inside += block_inside
        outside += block_outside
    return inside, outside


@_compiled
def flip(psi, projected, support, level):  # type: ignore[no-untyped-def]
    """psi = P_M psi where |P_M psi|^2 > level, its negative elsewhere; projected becomes psi. Sums as in update."""
    inside, outside = 0.0, 0.0
    for i in range(psi.size):
        p = projected[i]
        square = p.real * p.real + p.imag * p.imag
        inside += square if support[i] else _F0
        outside += _F0 if support[i] else square
        psi[i] = p if square > level else -p
        projected[i] = psi[i]
    return inside, outside


@_compiled
def relaxed_support(psi, support, beta, out):  # type: ignore[no-untyped-def]
    """out = f_S psi = psi inside the support, psi / beta outside: the estimate of the difference map."""
    for i in range(psi.size):
        out[i] = psi[i] if support[i] else psi[i] / beta


@_compiled
def update_difference(psi, first, second, support, beta):  # type: ignore[no-untyped-def]
    """psi + beta (P_S f_M psi - P_M f_S psi), in place; sums of |P_M psi|^2 as in update."""
    inside, outside = 0.0, 0.0
    z, f, s = psi.view(np.float32), first.view(np.float32), second.view(np.float32)
    for i in range(psi.size):
        square = f[2 * i] * f[2 * i] + f[2 * i + 1] * f[2 * i + 1]
        inside += square if support[i] else _F0
        outside += _F0 if support[i] else square
        for k in (2 * i, 2 * i + 1):
            z[k] = _difference_map(z[k], f[k], s[k], beta, support[i] != 0)
    return inside, outside


@_compiled
def gradient(psi_q, amplitude, kind, scale, out):  # type: ignore[no-untyped-def]
    """out = scale (1 - I / |Psi|^2) Psi where measured, else 0."""
    flat, other = psi_q.view(np.float32), out.view(np.float32)
    for i in range(amplitude.size):
        calculated = _intensity(flat[2 * i], flat[2 * i + 1])
        weight = scale * _poisson_gradient(amplitude[i] * amplitude[i], calculated, np.float32(kind[i] == MEASURED))
        other[2 * i] = weight * flat[2 * i]
        other[2 * i + 1] = weight * flat[2 * i + 1]


@_compiled
def line_terms(psi_q, step_q, amplitude, kind):  # type: ignore[no-untyped-def]
    """First and second derivative at 0 of sum(|Psi + t D|^2 - I ln |Psi + t D|^2) over t, measured voxels."""
    slope, curvature, two = 0.0, 0.0, np.float32(2.0)
    flat, other = psi_q.view(np.float32), step_q.view(np.float32)
    for begin in range(0, amplitude.size, BLOCK):
        z, d = flat[2 * begin : 2 * (begin + BLOCK)], other[2 * begin : 2 * (begin + BLOCK)]
        a, k = amplitude[begin : begin + BLOCK], kind[begin : begin + BLOCK]
        block_slope, block_curvature = _F0, _F0
        for i in range(a.size):
            re, im, step_re, step_im = z[2 * i], z[2 * i + 1], d[2 * i], d[2 * i + 1]
            square = _intensity(re, im)
            calculated = square if square > formulas.LEAST_EXPECTED else formulas.LEAST_EXPECTED
            measured, ratio = np.float32(k[i] == MEASURED), a[i] * a[i] / calculated
            cross = two * (re * step_re + im * step_im)
            block_slope += measured * cross * (np.float32(1.0) - ratio)
            bend = two * (step_re * step_re + step_im * step_im) * (np.float32(1.0) - ratio)
            block_curvature += measured * (bend + ratio * cross * cross / calculated)
        slope += block_slope
        curvature += block_curvature
    return slope, curvature
