"""Planes on which the amplitude is missing: stacking faults, where two shifted halves cancel, and twins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label, map_coordinates
from scipy.spatial import ConvexHull

from braggline_models.scan import BoolArray

BRIGHT = 0.5  # of the bulk's amplitude
SMALLEST_PIECE = 0.05  # of the largest: a lamella of twin cuts the crystal in two
BENEATH_VOXELS = 0.75  # the hull's surface: nearer to it every amplitude falls
MOST_POINTS = 4000
NORMALS = 150  # over the half sphere: 12 degrees apart
BIN_VOXELS = 0.5
SMEAR = np.array([0.25, 0.75, 1.0, 0.75, 0.25])  # a plane's weight over bins
SIDES_BINS = (3, 4, 7)  # how far off the sides are that a plane is darker than
SMALLEST_SECTION = 0.4  # of the largest section: smaller ones are corners
SMALLEST_SIDE = 0.2
TURNS_DEG = (8.0, 4.0, 2.0)  # the normal's refinement
STEP_VOXELS = (1.5, 2.0)  # from the plane to where the phase on either side is taken
PROFILE_VOXELS = np.arange(-3, 4)
SLAB_VOXELS = 0.75
FEWEST_POINTS = 30


@dataclass(frozen=True)
class DarkPlane:
    """The plane that is darkest against what lies on its two sides: normal.r = offset, r (x, y, z) in voxels.

    contrast   amplitude of the darker side less that of the plane, the bulk's being 1
    section    its area over that of the largest section;  points  (n, 3) of it, z, y, x in voxels
    quartiles  of the amplitude on it;  profile  of it across, PROFILE_VOXELS off; outside as at the last one inside
    coherence  0..1 and step_rad -pi..pi of the phase from one side to the other, STEP_VOXELS off
    """

    normal: NDArray[np.float64]
    offset: float
    contrast: float
    section: float
    points: NDArray[np.float64]
    quartiles: NDArray[np.float64]
    profile: NDArray[np.float64]
    coherence: NDArray[np.float64]
    step_rad: NDArray[np.float64]


def darkest_plane(psi: NDArray[np.complex64]) -> DarkPlane | None:
    """Over all normals and offsets, then with the normal refined. None where the crystal is too small for one.

    psi (z, y, x) complex, 1 in the bulk, known outside the support too. The crystal is taken as convex: what is dark
    within its hull is missing.
    """
    amplitude = np.abs(psi)
    points = _inside(amplitude)
    if len(points) < FEWEST_POINTS:
        return None
    bright = amplitude[tuple(points[:, ::-1].astype(int).T)]
    best = _darkest(points, bright, _half_sphere(NORMALS))
    for degrees in TURNS_DEG:
        best = _darkest(points, bright, _around(best[1:4], degrees))
    return _described(psi, points, bright, best)


def _inside(amplitude: NDArray[np.floating]) -> NDArray[np.float64]:
    """Grid points (n, 3) as x, y, z within the hull of all large pieces; some of them where there are many."""
    pieces, _ = label(amplitude > BRIGHT)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    corner = np.argwhere(_shell(np.isin(pieces, np.flatnonzero(sizes >= SMALLEST_PIECE * max(sizes.max(), 1)))))
    if len(corner) < FEWEST_POINTS or np.any(np.ptp(corner, axis=0) < 2):
        return np.zeros((0, 3))
    planes = ConvexHull(corner[:, ::-1].astype(float)).equations
    low, high = corner.min(axis=0), corner.max(axis=0)
    grid = np.argwhere(np.ones(high - low + 1, bool)) + low
    grid = grid[:: max(1, len(grid) // (2 * MOST_POINTS)) | 1]
    points = grid[:, ::-1].astype(float)
    outermost = np.full(len(points), -np.inf)
    for plane in planes:
        np.maximum(outermost, points @ plane[:3] + plane[3], out=outermost)
    return points[outermost < -BENEATH_VOXELS]


def _shell(solid: BoolArray) -> BoolArray:
    """Voxels with fewer than two neighbors along x: all corners of the hull are among them."""
    padded = np.pad(solid, 1)[1:-1, 1:-1]
    return np.asarray(solid & ~(padded[..., :-2] & padded[..., 2:]))


def _darkest(
    points: NDArray[np.float64], bright: NDArray[np.floating], normals: NDArray[np.float64]
) -> NDArray[np.float64]:
    """contrast, normal (3), offset, section of the best of these normals."""
    best = np.array([-np.inf, *normals[0], 0.0, 0.0])
    for normal in normals:
        along = points @ normal
        low = float(along.min())
        at = ((along - low) / BIN_VOXELS).astype(int)
        counts = np.convolve(np.bincount(at), SMEAR, "same")
        mean = np.convolve(np.bincount(at, bright), SMEAR, "same") / np.maximum(counts, 1e-9)
        largest = counts.max()
        mean_side = np.where(counts > SMALLEST_SIDE * largest, mean, 0.0)
        contrast = np.full(len(mean), -1.0)
        for side in SIDES_BINS:
            if len(mean) > 2 * side:
                inner = slice(side, -side)
                found = np.minimum(mean_side[: -2 * side], mean_side[2 * side :]) - mean[inner]
                contrast[inner] = np.maximum(contrast[inner], found)
        contrast[counts < SMALLEST_SECTION * largest] = -1.0
        k = int(np.argmax(contrast))
        if contrast[k] > best[0]:
            best = np.array([contrast[k], *normal, low + (k + 0.5) * BIN_VOXELS, counts[k] / largest])
    return best


def _described(
    psi: NDArray[np.complex64], points: NDArray[np.float64], bright: NDArray[np.floating], best: NDArray[np.float64]
) -> DarkPlane:
    normal, offset = best[1:4], float(best[4])
    off = points @ normal - offset
    on = np.abs(off) < SLAB_VOXELS
    flat = points[on] - np.outer(off[on], normal)
    coherence, step = [], []
    for far in STEP_VOXELS:
        turned = _at(psi, flat + far * normal) * np.conj(_at(psi, flat - far * normal))
        total = turned.sum()
        coherence.append(abs(total) / max(float(np.abs(turned).sum()), 1e-9))
        step.append(float(np.angle(total)))
    return DarkPlane(
        normal, offset, float(best[0]), float(best[5]), flat[:, ::-1],
        np.quantile(bright[on], (0.25, 0.5, 0.75)) if on.any() else np.ones(3),
        _profile(off, bright), np.array(coherence), np.array(step),
    )  # fmt: skip


def _profile(off: NDArray[np.float64], bright: NDArray[np.floating]) -> NDArray[np.float64]:
    values = []
    for at in PROFILE_VOXELS:
        near = np.abs(off - at) < SLAB_VOXELS
        values.append(float(bright[near].mean()) if near.sum() > 4 else np.nan)
    known = np.isfinite(values)
    if not known.any():
        return np.ones(len(values))
    return np.interp(PROFILE_VOXELS, PROFILE_VOXELS[known], np.array(values)[known])


def _half_sphere(n: int) -> NDArray[np.float64]:
    """Points as even as the seeds of a sunflower: (n, 3)."""
    k = np.arange(n) + 0.5
    z, turn = 1.0 - k / n, np.pi * (1 + np.sqrt(5)) * k
    return np.stack([np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z], axis=1)


def _around(normal: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """It, and eight that lean by `degrees`."""
    across = np.linalg.svd(normal[None])[2][1:]
    turn = np.arange(8) * np.pi / 4
    lean = np.stack([np.cos(turn), np.sin(turn)], axis=1) @ across
    leant = np.cos(np.radians(degrees)) * normal + np.sin(np.radians(degrees)) * lean
    return np.concatenate([normal[None], leant])


def _at(psi: NDArray[np.complex64], xyz: NDArray[np.float64]) -> NDArray[np.complex128]:
    at = xyz[:, ::-1].T
    real, imag = (map_coordinates(part, at, order=1) for part in (psi.real, psi.imag))
    return np.asarray(real + 1j * imag, np.complex128)
