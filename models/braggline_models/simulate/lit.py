"""Frames of a drawn crystal in a beam that may be smaller, at one rocking angle: what a map sees of it.

    I(row, col) = |sum conj(psi) P(u - u_0, v - v_0) exp(-2 pi i (s f + row r + col c) / n)|^2
with s the angle's distance from the peak in steps of the curve, and (u, v) the place across the incoming beam. P is a
Gaussian, flat in phase: the focus of a lens. Kinematic; the beam hits the crystal along k_in and leaves it along k_out,
so that what is lit is a slanted column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braggline_models.simulate.drawn import DrawnCrystal
from braggline_models.simulate.spectrum import blurred

FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))  # of a Gaussian over its sigma
FAINTEST = 1e-3  # of the amplitude in the bulk: beyond is nothing of the crystal


@dataclass(frozen=True)
class Focus:
    """fwhm_m  of the intensity in the focus;  exposure  of a frame in its middle, over that of a curve's frame."""

    fwhm_m: float
    exposure: float = 1.0


@dataclass(frozen=True)
class LitCrystal:
    """A drawn crystal without the emptiness around it.

    psi    complex64, a box of the object;  steps  of its voxels from the middle of the object, along each axis
    across_m  u (frame, row) and v (row, column) of its voxels across the incoming beam
    n      voxels of the object along each axis;  scale  counts for one unit of |sum psi|^2 in the curve
    """

    psi: NDArray[np.complex64]
    steps: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
    across_m: tuple[NDArray[np.float64], NDArray[np.float64]]
    n: int
    scale: float
    coherence_sigma_px: tuple[float, float]


def across_beam(crystal: DrawnCrystal) -> NDArray[np.float64]:
    """(2, 3) unit vectors u, v across the incoming beam in the crystal's frame; v is near the detector's column.

    k_out is normal to rows and columns of the counts; k_in its mirror image in the lattice planes.
    """
    row, column = crystal.q_step_per_m[:, 1], crystal.q_step_per_m[:, 2]
    q = crystal.q_bragg_per_m / np.linalg.norm(crystal.q_bragg_per_m)
    k_out = np.cross(row, column)
    k_out *= np.sign(k_out @ q) / np.linalg.norm(k_out)
    k_in = k_out - 2 * (k_out @ q) * q
    v = column - (column @ k_in) * k_in
    v /= np.linalg.norm(v)
    return np.stack([np.cross(v, k_in), v])


def lit_crystal(crystal: DrawnCrystal) -> LitCrystal:
    """The crystal, ready for many frames."""
    n = len(crystal.object_)
    there = np.abs(crystal.object_) > FAINTEST
    box = []
    for axis in range(3):
        along = np.flatnonzero(there.any(axis=tuple(a for a in range(3) if a != axis)))
        box.append(slice(int(along[0]), int(along[-1]) + 1))
    f, r, c = (np.arange(b.start, b.stop) - n // 2 for b in box)
    u, v = across_beam(crystal) @ crystal.vectors_m  # of a voxel's step along each axis; u has none of the columns
    total = n**3 * float(np.square(np.abs(crystal.object_)).sum(dtype=np.float64))
    return LitCrystal(
        np.ascontiguousarray(crystal.object_[tuple(box)]), (f, r, c),
        (u[0] * f[:, None] + u[1] * r, v[1] * r[:, None] + v[2] * c), n, crystal.photons / total,
        crystal.coherence_sigma_px[1:],
    )  # fmt: skip


def light(crystal: LitCrystal, focus: Focus, place_m: Sequence[float]) -> tuple[NDArray[np.float32], ...]:
    """Amplitude of the beam in the crystal, as two factors (frame, row) and (row, column); 1 in its middle."""
    sigma = focus.fwhm_m * np.sqrt(2.0) / FWHM
    return tuple(
        np.exp(-0.5 * np.square((along - middle) / sigma)).astype(np.float32)
        for along, middle in zip(crystal.across_m, place_m, strict=True)
    )


def lit_frames(
    crystal: LitCrystal,
    focus: Focus,
    places_m: NDArray[np.float64],
    offset_steps: float = 0.0,
    middle_px: tuple[float, float] | None = None,
    side: int | None = None,
) -> NDArray[np.float32]:
    """Expected counts (n_places, side, side) with the crystal at places_m (n_places, 2) of the beam, u and v.

    middle_px  where an unstrained crystal has its peak, by default side // 2;  side  by default the object's n
    """
    side = side or crystal.n
    middle = middle_px or (side // 2, side // 2)
    f, r, c = crystal.steps
    turn = -2j * np.pi / crystal.n
    turned = np.conj(crystal.psi) * np.exp(turn * offset_steps * f).astype(np.complex64)[:, None, None]
    rows, columns = (
        np.exp(turn * np.outer(np.arange(side) - at, p)).astype(np.complex64)
        for at, p in zip(middle, (r, c), strict=True)
    )
    factors = [light(crystal, focus, place) for place in places_m]
    in_u, in_v = (np.stack([pair[k] for pair in factors]) for k in (0, 1))  # (place, frame, row), (place, row, column)
    by_row = np.matmul(in_u.transpose(2, 0, 1), turned.transpose(1, 0, 2))  # (row, place, column)
    waves = by_row * in_v.transpose(1, 0, 2)
    amplitude = np.tensordot(rows, waves, 1) @ columns.T
    frames = np.square(amplitude.real) + np.square(amplitude.imag)
    frames = np.ascontiguousarray(frames.transpose(1, 0, 2))
    frames *= np.float32(focus.exposure * crystal.scale)
    return blurred(frames, (0.0, *crystal.coherence_sigma_px))


def lattice_px(crystal: LitCrystal, focus: Focus, place_m: Sequence[float]) -> NDArray[np.float64]:
    """(3,) by how many steps and pixels the mean lattice of what is lit shifts the peak: frame, row, column.

    -n / 2 pi times the mean of grad phase, weighed by |psi P|^2: of psi(p + 1) conj psi(p), which no branch cuts.
    The row's is a strain along Q: the other two axes of the counts are across it.
    """
    in_u, in_v = light(crystal, focus, place_m)
    lit = crystal.psi * in_u[:, :, None] * in_v
    shifts = []
    for axis in range(3):
        after, before = np.moveaxis(lit, axis, 0)[1:], np.moveaxis(lit, axis, 0)[:-1]
        shifts.append(-crystal.n / (2 * np.pi) * float(np.angle(np.vdot(before, after))))
    return np.array(shifts)


def moved(pattern: NDArray[np.float32], by: Sequence[int]) -> NDArray[np.float32]:
    """The pattern shifted by whole voxels along its last len(by) axes; what leaves is lost, what enters is 0."""
    result = np.zeros_like(pattern)
    into, out = [slice(None)] * pattern.ndim, [slice(None)] * pattern.ndim
    for axis, k in zip(range(pattern.ndim - len(by), pattern.ndim), by, strict=True):
        size = pattern.shape[axis]
        into[axis], out[axis] = slice(max(k, 0), size + min(k, 0)), slice(max(-k, 0), size - max(k, 0))
    result[tuple(into)] = pattern[tuple(out)]
    return result
