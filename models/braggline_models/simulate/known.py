"""Small known crystals for measuring how often phase retrieval succeeds, by phase range and defect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from braggline_models.phase_retrieval.pattern import fourier_resized
from braggline_models.scan import PreparedVolume
from braggline_models.simulate.crystal import faceted_crystal, without_gradient
from braggline_models.simulate.diffraction import expected_counts, photon_counts

FINER = 2  # the object lives on a grid that many times finer than what the frames show
SIZES = (0.30, 0.42)  # diameter over the field of view
LENGTHS = (0.15, 0.6)  # correlation length of the displacement over the diameter
SMOOTHNESS = 2.5  # nu of the Matern spectrum
PHOTONS = (1e6, 1e7)
Q_STEP_PER_M = 1e7


@dataclass(frozen=True)
class KnownCrystal:
    """object_ complex64 (n, n, n), centered: what a perfect reconstruction finds; volume: its noisy pattern.

    line  a point and the unit direction of the dislocation in voxels of the object's axes from voxel 0, or None
    """

    object_: NDArray[np.complex64]
    volume: PreparedVolume
    line: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None


def known_crystal(n: int, phase_range_rad: float, dislocation: bool, seed: int) -> KnownCrystal:
    """A faceted crystal whose phase runs over `phase_range_rad`, at random size, roughness and photon count.

    The displacement is a Gaussian field of Matern spectrum without mean gradient; a dislocation adds a screw's
    phase, winding once by 2 pi about a random line through the inner half, over and above the range. Computed on a
    finer grid and cropped in q, then Poisson noise: no pattern is what any reconstruction's own model would give.
    """
    rng = np.random.default_rng(seed)
    fine = n * FINER
    size = rng.uniform(*SIZES) * fine
    steps = np.arange(fine) - fine // 2
    points = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).astype(float)
    density = faceted_crystal(points, size, 1.0, rng)
    inside = density > 0.5
    phase = without_gradient(_matern(fine, rng.uniform(*LENGTHS) * size, rng), points / size, inside)
    phase *= phase_range_rad / max(float(np.ptp(phase[inside])), 1e-9)
    object_ = density * np.exp(1j * phase)
    line = None
    if dislocation:
        phasor, point, direction = _screw(points, size, rng)
        object_ *= phasor
        line = (point / FINER + n // 2, direction)
    coarse = np.conj(fourier_resized(np.conj(object_).astype(np.complex64), (n, n, n)))
    counts = photon_counts(expected_counts(coarse, np.exp(rng.uniform(*np.log(PHOTONS)))), rng).astype(np.float32)
    volume = PreparedVolume(
        f"known_{seed}", counts, np.zeros(counts.shape, bool), (0, 0, 0), (1, 1, 1), (n // 2,) * 3,
        np.array([0.0, 0.0, 2.8e10]), np.eye(3) * Q_STEP_PER_M,
    )  # fmt: skip
    return KnownCrystal(coarse, volume, line)


def _matern(n: int, length: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """White noise filtered to the spectrum (2 nu / length^2 + k^2)^-(nu + 3/2)."""
    k = 2 * np.pi * np.fft.fftfreq(n)
    square = np.square(k)[:, None, None] + np.square(k)[None, :, None] + np.square(k)
    amplitude = (2 * SMOOTHNESS / length**2 + square) ** (-(SMOOTHNESS + 1.5) / 2)
    return np.real(scipy.fft.ifftn(scipy.fft.fftn(rng.standard_normal((n, n, n))) * amplitude))


def _screw(
    points: NDArray[np.float64], size: float, rng: np.random.Generator
) -> tuple[NDArray[np.complex128], NDArray[np.float64], NDArray[np.float64]]:
    """exp(i theta) about a random line within a quarter of the diameter from the center; its point and direction."""
    axes = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    x, y = points @ axes[:, 0], points @ axes[:, 1]
    x0, y0 = rng.uniform(-0.25, 0.25, 2) * size
    return np.exp(1j * np.arctan2(y - y0, x - x0)), x0 * axes[:, 0] + y0 * axes[:, 1], axes[:, 2]
