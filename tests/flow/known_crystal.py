"""A crystal whose answer is known, and how well a strain map agrees with it, the twin's freedom apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fftn, ifftn
from scipy.ndimage import binary_erosion

from braggline_models.results import Quality, Reconstruction, StrainField
from braggline_models.scan import RockingCurve
from braggline_models.simulate import SimulatedTruth, simulate_curve
from braggline_models.strain import MapOptions, strain_field
from braggline_service.beamlines import load_beamline

BRAGG_DEG = {"eta": 17.7, "phi": 0.0, "nu": 0.0, "delta": 35.4}
PHASE_RANGE_RAD, PHOTONS, SIZE_M, STEP_DEG, FRAMES = 2.0, 1e7, 300e-9, 0.012, 96


def simulated(seed: int) -> tuple[RockingCurve, SimulatedTruth]:
    """ID01's Maxipix, eta scan, a crystal of 2 rad phase range and 1e7 photons."""
    beamline = load_beamline("id01")
    detector, mask = beamline.detector("maxipix")
    return simulate_curve(
        beamline.diffractometer, detector, mask, BRAGG_DEG, "eta", STEP_DEG, FRAMES, 9000.0, SIZE_M,
        PHASE_RANGE_RAD, PHOTONS, seed,
    )  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """Complex correlation of the objects; correlation, rms error and slope of the strain where both have it."""

    complex_correlation: float
    strain_correlation: float
    strain_error: float
    strain_slope: float
    volume_ratio: float


def agreement(
    amplitude: NDArray[np.floating], phase_rad: NDArray[np.floating], strain: NDArray[np.floating], size_m: float,
    truth: SimulatedTruth,
) -> Agreement:  # fmt: skip
    """Compare maps (z, y, x) of the sample frame with the truth on a grid of the same voxel."""
    wanted = _field(truth, size_m)
    side = tuple(max(a, b) + 8 for a, b in zip(strain.shape, wanted.strain.shape, strict=True))
    true_psi, true_strain = (
        _padded(_psi(wanted.amplitude, wanted.phase_rad), side),
        _padded(wanted.strain, side, np.nan),
    )
    psi, found = _padded(_psi(amplitude, phase_rad), side), _padded(strain, side, np.nan)
    candidates = [(psi, found), (np.conj(psi[::-1, ::-1, ::-1]), found[::-1, ::-1, ::-1])]
    score, moved = max((_moved(true_psi, p, s) for p, s in candidates), key=lambda fit: fit[0])
    both = np.isfinite(moved) & np.isfinite(true_strain)
    a, b = true_strain[both], moved[both]
    ratio = np.count_nonzero(np.isfinite(strain)) / np.count_nonzero(np.isfinite(wanted.strain))
    error, slope = float(np.std(a - b)), float(np.polyfit(a, b, 1)[0])
    return Agreement(score, float(np.corrcoef(a, b)[0, 1]), error, slope, ratio)


def coverage(found: StrainField, truth: SimulatedTruth, deviations: float) -> float:
    """Share of the bulk's voxels whose strain is off by no more than so many times its stated uncertainty."""
    wanted = _field(truth, found.voxel_size_m)
    side = tuple(max(a, b) + 8 for a, b in zip(found.strain.shape, wanted.strain.shape, strict=True))
    true_psi, true_strain = (
        _padded(_psi(wanted.amplitude, wanted.phase_rad), side),
        _padded(wanted.strain, side, np.nan),
    )
    psi = _padded(_psi(found.amplitude, found.phase_rad), side)
    strain, stated = (_padded(map_, side, np.nan) for map_ in (found.strain, found.uncertainty))
    flip = (slice(None, None, -1),) * 3
    best = (0.0, strain, stated)
    for p, s, u in ((psi, strain, stated), (np.conj(psi[flip]), strain[flip], stated[flip])):
        score, moved = _moved(true_psi, p, s)
        if score > best[0]:
            best = (score, moved, _moved(true_psi, p, u)[1])
    _, moved, stated = best
    known = np.isfinite(moved) & np.isfinite(true_strain) & np.isfinite(stated)
    bulk = binary_erosion(known, iterations=2)
    return float(np.mean(np.abs(moved - true_strain)[bulk] <= deviations * stated[bulk]))


def _field(truth: SimulatedTruth, size_m: float) -> StrainField:
    quality = Quality(0.0, 0.0, 1.0, 1.0, np.ones(1), np.ones(1), 1e-9, 1, 1)
    no_runs = np.empty((0, *truth.object_.shape), np.complex64)
    known = Reconstruction(truth.object_, np.abs(truth.object_) > 0.5, no_runs, quality, {}, 0, 0, True)
    return strain_field(known, truth.volume, MapOptions(apodisation=0.0, voxel_size_m=size_m))


def _psi(amplitude: NDArray[np.floating], phase_rad: NDArray[np.floating]) -> NDArray[np.complexfloating]:
    inside = np.isfinite(phase_rad)
    return np.where(inside, amplitude * np.exp(1j * np.where(inside, phase_rad, 0.0)), 0.0)


def _padded(volume: NDArray, shape: tuple[int, ...], value: float = 0.0) -> NDArray:
    out = np.full(shape, value, volume.dtype)
    start = [(n - k) // 2 for n, k in zip(shape, volume.shape, strict=True)]
    out[tuple(slice(s, s + k) for s, k in zip(start, volume.shape, strict=True))] = volume
    return out


def _moved(reference: NDArray, psi: NDArray, strain: NDArray) -> tuple[float, NDArray]:
    """The correlation at the best whole-voxel shift, and the strain moved there."""
    cross = np.abs(ifftn(fftn(reference) * np.conj(fftn(psi))))
    peak = np.unravel_index(int(np.argmax(cross)), cross.shape)
    norm = np.linalg.norm(reference) * np.linalg.norm(psi)
    return float(cross[peak] / norm), np.roll(strain, peak, axis=(0, 1, 2))
