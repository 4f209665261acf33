"""One object laid onto another: conjugate twin, shift to a fraction of a voxel, global phase."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from braggline_models.phase_retrieval import fft

Object = NDArray[np.complex64]
UPSAMPLING = 20  # a shift is found to 1/20 voxel


def correlation(a: Object, b: Object) -> complex:
    """<a, b> / (|a| |b|)."""
    norm = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return complex(np.vdot(a, b)) / norm if norm > 0 else 0j


def agreement(found: Object, truth: Object) -> float:
    """|correlation| (0..1) of an object with another, once shift, phase and twin are settled."""
    return abs(correlation(aligned(found, truth)[0], truth))


def twin(psi: Object) -> Object:
    """conj(psi(-r)) about shape // 2: it scatters the same intensity."""
    flipped = np.conj(psi[::-1, ::-1, ::-1])
    return np.roll(flipped, [1 if n % 2 == 0 else 0 for n in psi.shape], (0, 1, 2))


def aligned(psi: Object, reference: Object) -> tuple[Object, bool]:
    """psi or its twin, shifted and turned in phase so that <reference, psi> is largest; and whether it is the twin."""
    return laid(psi, fft.fftn(reference))


def laid(psi: Object, reference_q: Object) -> tuple[Object, bool]:
    """`aligned`, by the FFT of the reference: who lays many objects onto it transforms it once."""
    psi_q = fft.fftn(psi)
    candidates = []
    for candidate_q in (psi_q, np.conj(psi_q)):  # conj(psi(-r)) has the conjugate transform
        cross_q = np.conj(reference_q)
        cross_q *= candidate_q
        shift, value = _peak(cross_q)
        candidates.append((abs(value), candidate_q, shift, value))
    flipped = candidates[1][0] > candidates[0][0]
    _, candidate_q, shift, value = candidates[int(flipped)]
    factor = np.conj(value) / abs(value) if abs(value) > 0 else 1.0
    return shifted(candidate_q, tuple(-s for s in shift), complex(factor)), flipped


def shifted(psi_q: Object, by: tuple[float, ...], factor: complex = 1.0) -> Object:
    """factor * psi(r - by), from the FFT of psi; `by` in voxels."""
    ramps = [
        np.exp(-2j * np.pi * np.fft.fftfreq(n) * offset).astype(np.complex64)
        for n, offset in zip(psi_q.shape, by, strict=True)
    ]
    transform = fft.planned(psi_q.shape)
    np.multiply(psi_q, (np.complex64(factor / psi_q.size) * ramps[0])[:, None, None], out=transform.array)
    transform.array *= ramps[1][:, None] * ramps[2]
    transform.backward()
    moved: Object = transform.array
    return moved


def _peak(cross_q: Object) -> tuple[tuple[float, ...], complex]:
    """Where |F^-1[cross]| is largest, and its value: whole voxels first, then a finer grid of one voxel about it."""
    surface = np.abs(fft.ifftn(cross_q))
    index = np.unravel_index(int(np.argmax(surface)), surface.shape)
    coarse = [float(i if i <= n // 2 else i - n) for i, n in zip(index, surface.shape, strict=True)]
    fine = np.arange(-UPSAMPLING, UPSAMPLING + 1) / UPSAMPLING
    lines = [c + fine for c in coarse]
    values = _cross_on(cross_q, lines)
    best = np.unravel_index(int(np.argmax(np.abs(values))), values.shape)
    return tuple(float(line[i]) for line, i in zip(lines, best, strict=True)), complex(values[best])


def _cross_on(cross_q: Object, lines: list[NDArray[np.float64]]) -> NDArray[np.complex64]:
    """F^-1[cross] at the positions of the grid that three lines span, by three matrix products."""
    values: NDArray[np.complex64] = cross_q
    for line, n in zip(reversed(lines), reversed(cross_q.shape), strict=True):
        kernel = np.exp(2j * np.pi * np.outer(np.fft.fftfreq(n), line)).astype(np.complex64)
        values = np.moveaxis(values @ kernel, -1, 0)
    return values
