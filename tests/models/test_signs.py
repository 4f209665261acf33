"""The signs: counts summed point by point from exp(-i q.(r + u)), with the exact q of every pixel, against the strain
that went in. Nothing of the linearised geometry or of an FFT is in the data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from braggline_models.geometry import bragg_geometry, orthogonalise, q_of, voxel_vectors_m
from braggline_models.results import Quality, Reconstruction
from braggline_models.scan import Circle, Detector, Diffractometer, PreparedVolume, RockingCurve
from braggline_models.strain import MapOptions, strain_field

ID01 = Diffractometer(
    "id01",
    (Circle("eta", (0, -1, 0)), Circle("phi", (0, 0, -1))),
    (Circle("nu", (0, 0, -1)), Circle("delta", (0, -1, 0))),
    (0, 0, -1),
    (0, 1, 0),
)
APS = Diffractometer(
    "aps34idc",
    (Circle("theta", (0, 0, 1)), Circle("chi", (-1, 0, 0)), Circle("phi", (0, 0, 1))),
    (Circle("delta", (0, 0, 1)), Circle("gamma", (0, -1, 0))),
    (0, 0, -1),
    (0, 1, 0),
)
FOUR = Diffractometer(
    "four circles",
    (Circle("mu", (0, 0, 1)), Circle("eta", (0, -1, 0)), Circle("chi", (1, 0, 0)), Circle("phi", (0, -1, 0))),
    (Circle("nu", (0, 0, 1)), Circle("delta", (0, -1, 0))),
    (0, 0, -1),
    (0, -1, 0),
)
SHAPE = (32, 40, 40)
SIZE_M = 200e-9
GRADIENT_PER_M = 1e-3 / SIZE_M  # strain from -5e-4 to +5e-4 across the crystal


@dataclass(frozen=True)
class Setup:
    diffractometer: Diffractometer
    bragg_deg: dict[str, float]
    rocking: str
    step: float  # deg, or eV of the energy


SETUPS = {
    "id01 eta up": Setup(ID01, {"eta": 17.7, "phi": 0.0, "nu": 0.0, "delta": 35.4}, "eta", 0.012),
    "id01 eta down": Setup(ID01, {"eta": 17.7, "phi": 0.0, "nu": 0.0, "delta": 35.4}, "eta", -0.012),
    "id01 phi": Setup(ID01, {"eta": 5.0, "phi": 13.0, "nu": 34.0, "delta": 10.0}, "phi", 0.012),
    "aps theta": Setup(APS, {"theta": 0.3, "chi": 90.0, "phi": -5.0, "delta": 32.2, "gamma": 12.6}, "theta", 0.015),
    "id01 energy": Setup(ID01, {"eta": 45.0, "phi": 0.0, "nu": 0.0, "delta": 90.0}, "energy", 1.5),
    "four circles": Setup(
        FOUR, {"mu": 2.0, "eta": 16.0, "chi": 4.0, "phi": 30.0, "nu": 3.0, "delta": 35.0}, "phi", -0.012
    ),
}


def curve_of(setup: Setup) -> RockingCurve:
    n = SHAPE[0]
    angles = {name: np.full(n, value) for name, value in setup.bragg_deg.items()}
    steps = (np.arange(n) - n // 2) * setup.step
    energies = 9000.0 + steps if setup.rocking == "energy" else None
    if energies is None:
        angles[setup.rocking] = angles[setup.rocking] + steps
    detector = Detector("maxipix", SHAPE[1:], (110e-6, 110e-6), 0.5, (20.0, 20.0))
    nothing = np.zeros(SHAPE, np.uint8)
    return RockingCurve(
        "s", nothing, np.zeros(SHAPE[1:], bool), np.ones(n, bool), angles, 9000.0, detector, setup.diffractometer,
        energies_eV=energies,
    )  # fmt: skip


def crystal(q_bragg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 3) in m and u (n, 3) in m: an ellipsoid with a corner cut off, u = 1/2 g s^2 along Q, s = r.Q/|Q|."""
    side = np.arange(-8.5, 9.5) * (SIZE_M / 18)
    points = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = points / (SIZE_M * np.array([0.5, 0.42, 0.36]))
    keep = (np.sum(inside**2, axis=1) < 1.0) & (points @ np.array([1.0, 0.7, 0.4]) < 0.3 * SIZE_M)
    points = points[keep]
    direction = q_bragg / np.linalg.norm(q_bragg)
    along = points @ direction
    return points, 0.5 * GRADIENT_PER_M * along[:, None] ** 2 * direction


def summed_amplitude(curve: RockingCurve, points: np.ndarray, u: np.ndarray, q_bragg: np.ndarray) -> np.ndarray:
    """sum over points of exp(-i (q - G).r - i q.u): G.r is a multiple of 2 pi on lattice points and drops out."""
    rows, columns = np.meshgrid(np.arange(SHAPE[1]), np.arange(SHAPE[2]), indexing="ij")
    frames = []
    for frame in range(SHAPE[0]):
        angles = {name: float(values[frame]) for name, values in curve.angles_deg.items()}
        energy_eV = curve.energy_eV if curve.energies_eV is None else float(curve.energies_eV[frame])
        q = q_of(curve.diffractometer, curve.detector, angles, rows, columns, energy_eV).reshape(-1, 3)
        phase = (q - q_bragg) @ points.T + q @ u.T
        frames.append(np.exp(-1j * phase.astype(np.float32)).sum(axis=1).reshape(SHAPE[1:]))
    return np.stack(frames)


@pytest.mark.parametrize("name", SETUPS)
def test_known_strain_comes_back(name: str) -> None:
    curve = curve_of(SETUPS[name])
    peak = (16.0, 20.0, 20.0)
    q_bragg, q_step = bragg_geometry(curve, peak)
    points, u = crystal(q_bragg)
    amplitude = summed_amplitude(curve, points, u, q_bragg)
    centered = np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(amplitude)))
    object_ = np.conj(centered).astype(np.complex64)  # as results.py has it: |FFT(conj psi)|^2 are the counts
    volume = PreparedVolume(
        "s",
        (np.abs(amplitude) ** 2).astype(np.float32),
        np.zeros(SHAPE, bool),
        (0, 0, 0),
        (1, 1, 1),
        peak,
        q_bragg,
        q_step,
    )
    quality = Quality(0, 0, 1, 1, np.ones(1), np.ones(1), 1e-8, 1, 1)
    runs = np.empty((0, *SHAPE), np.complex64)
    found = strain_field(
        Reconstruction(object_, np.abs(object_) > 0, runs, quality, {}, 0, 1, True), volume, MapOptions(apodisation=0.0)
    )

    n = np.array(found.strain.shape)
    z, y, x = np.meshgrid(*((np.arange(k) - k // 2) * found.voxel_size_m for k in n), indexing="ij")
    direction = q_bragg / np.linalg.norm(q_bragg)
    along = x * direction[0] + y * direction[1] + z * direction[2]
    core = np.isfinite(found.strain) & binary_erosion(found.support, iterations=2)  # the surface is soft
    expected = GRADIENT_PER_M * along[core]
    measured = found.strain[core] - found.strain[core].mean() + expected.mean()
    assert np.corrcoef(measured, expected)[0, 1] > 0.93  # sign, axes and frame are right
    slope = np.polyfit(expected, measured, 1)[0]
    assert slope == pytest.approx(1.0, abs=0.15)  # and so is the size

    volume_m3 = np.count_nonzero(found.support) * found.voxel_size_m**3
    assert volume_m3 == pytest.approx(len(points) * (SIZE_M / 18) ** 3, rel=0.25)
    lean = np.array([x[core].mean(), y[core].mean(), z[core].mean()])
    assert lean @ points.mean(axis=0) > 0.6 * np.linalg.norm(lean) * np.linalg.norm(points.mean(axis=0))  # not its twin


def test_orthogonalise_keeps_a_sphere_round() -> None:
    curve = curve_of(SETUPS["aps theta"])
    _, q_step = bragg_geometry(curve, (16.0, 20.0, 20.0))
    vectors_m = voxel_vectors_m(q_step, SHAPE)
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij"), axis=-1)
    radius_m = 4.5 * float(np.cbrt(abs(np.linalg.det(vectors_m))))
    sphere = (np.linalg.norm(index @ vectors_m.T, axis=-1) < radius_m).astype(np.complex64)
    grid, size_m = orthogonalise(sphere, vectors_m)
    points = (np.argwhere(np.abs(grid) > 0.5) - np.array(grid.shape) // 2) * size_m
    widths = points.std(axis=0)
    assert widths.max() / widths.min() < 1.15
    assert len(points) * size_m**3 == pytest.approx(4 / 3 * np.pi * radius_m**3, rel=0.15)


def test_phase_is_counted_from_the_peak() -> None:
    """A peak beside the array's center is a ramp of the object, not a strain."""
    curve = curve_of(SETUPS["id01 eta up"])
    q_bragg, q_step = bragg_geometry(curve, (16.0, 20.0, 20.0))
    points, u = crystal(q_bragg)
    amplitude = summed_amplitude(curve, points, 0 * u, q_bragg)
    moved = np.roll(amplitude, (2, 3, -4), axis=(0, 1, 2))
    object_ = np.conj(np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(moved)))).astype(np.complex64)
    quality = Quality(0, 0, 1, 1, np.ones(1), np.ones(1), 1e-8, 1, 1)
    reconstruction = Reconstruction(
        object_, np.abs(object_) > 0, np.empty((0, *SHAPE), np.complex64), quality, {}, 0, 1, True
    )
    volume = PreparedVolume(
        "s",
        np.abs(moved).astype(np.float32),
        np.zeros(SHAPE, bool),
        (0, 0, 0),
        (1, 1, 1),
        (16.0, 20.0, 20.0),
        q_bragg,
        q_step,
    )
    wrong = strain_field(reconstruction, volume, MapOptions(apodisation=0.0))
    right = strain_field(reconstruction, replace(volume, peak_px=(18.0, 23.0, 16.0)), MapOptions(apodisation=0.0))
    assert right.strain_rms < 1e-4
    assert abs(np.nanmean(wrong.strain)) > 3e-4
