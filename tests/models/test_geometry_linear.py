"""The linear geometry against the exact one, and the cubic grid that follows from it."""

from __future__ import annotations

import numpy as np
import pytest

from braggline_models.geometry import bragg_geometry, orthogonalise, q_of, voxel_vectors_m
from braggline_models.scan import Circle, Detector, Diffractometer, RockingCurve

ENERGY_eV = 9000.0
ID01 = Diffractometer(
    "id01",
    (Circle("eta", (0, -1, 0)), Circle("phi", (0, 0, -1))),
    (Circle("nu", (0, 0, -1)), Circle("delta", (0, -1, 0))),
    (0, 0, -1),
    (0, 1, 0),
)
BRAGG_DEG = {"eta": 17.7, "phi": 5.0, "nu": 4.0, "delta": 35.4}
DETECTOR = Detector("maxipix", (516, 516), (55e-6, 55e-6), 0.56685, (172.91, 185.60), 1.5, 30.0, -2.0)


def curve(step_deg: float = 0.01, n: int = 41, jitter_deg: float = 0.0) -> RockingCurve:
    angles = {name: np.full(n, value) for name, value in BRAGG_DEG.items()}
    noise = np.random.default_rng(0).normal(0.0, jitter_deg, n) if jitter_deg else 0.0
    angles["eta"] = BRAGG_DEG["eta"] + (np.arange(n) - n // 2) * step_deg + noise
    nothing = np.broadcast_to(np.zeros(1, np.uint8), (n, 516, 516))
    return RockingCurve("s", nothing, np.zeros((516, 516), bool), np.ones(n, bool), angles, ENERGY_eV, DETECTOR, ID01)


def test_linear_geometry_leaves_out_the_second_order_only() -> None:
    """Half the way from the peak, a quarter of the error; less than a pixel at the corner of 128 x 128 pixels."""
    scan, peak, corner = curve(), np.array([20.0, 280.25, 230.5]), np.array([-20.0, -64.0, 64.0])
    q_bragg, q_step = bragg_geometry(scan, tuple(peak))

    def error(offset: np.ndarray) -> float:
        frame, row, column = peak + offset
        angles = {name: float(np.interp(frame, np.arange(41), v)) for name, v in scan.angles_deg.items()}
        exact = q_of(scan.diffractometer, scan.detector, angles, row, column, ENERGY_eV)
        return float(np.linalg.norm(q_bragg + q_step @ offset - exact))

    assert error(corner) < np.linalg.norm(q_step, axis=0).min()
    assert error(corner) / error(corner / 2) == pytest.approx(4.0, rel=0.05)
    assert error(0 * corner) == pytest.approx(0.0, abs=1.0)


def test_jitter_of_a_motor_hardly_tilts_the_volume() -> None:
    peak = (20.0, 280.0, 230.0)
    still, shaken = (bragg_geometry(curve(jitter_deg=j), peak)[1][:, 0] for j in (0.0, 0.001))
    assert np.linalg.norm(shaken - still) < 0.02 * np.linalg.norm(still)


def test_frames_without_a_position_are_not_needed() -> None:
    scan, peak = curve(), (20.0, 280.0, 230.0)
    scan.angles_deg["eta"][5] = np.nan
    scan.measured[30:] = False
    scan.angles_deg["eta"][30:] = 0.0
    np.testing.assert_allclose(bragg_geometry(scan, peak)[1], bragg_geometry(curve(), peak)[1], rtol=1e-9)


def test_voxels_are_the_conjugate_of_the_steps() -> None:
    """A^T M = 2 pi diag(1 / N): a step of q and a step of r turn the phase by 2 pi / N, and by 0 across axes."""
    _, q_step = bragg_geometry(curve(), (20.0, 280.0, 230.0))
    vectors = voxel_vectors_m(q_step, (41, 100, 80))
    expected = np.diag(2 * np.pi / np.array([41, 100, 80]))
    np.testing.assert_allclose(vectors.T @ q_step, expected, atol=1e-12)


def test_orthogonalise_puts_everything_where_it_is() -> None:
    """A soft blob with a phase ramp, known in m, comes out there, in z, y, x ascending."""
    _, q_step = bragg_geometry(curve(), (20.0, 280.0, 230.0))
    shape = (40, 48, 44)
    vectors = voxel_vectors_m(q_step, shape)
    place = vectors @ [4.0, -6.0, 5.0]
    width = 2.5 * np.linalg.norm(vectors, axis=0).max()
    wave = np.array([0.5, -0.3, 0.8]) / width

    def blob(points: np.ndarray) -> np.ndarray:
        return np.exp(-np.sum((points - place) ** 2, axis=-1) / (2 * width**2) + 1j * points @ wave)

    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij"), axis=-1)
    grid, size = orthogonalise(blob(index @ vectors.T).astype(np.complex64), vectors)
    assert size == pytest.approx(np.cbrt(abs(np.linalg.det(vectors))))
    z, y, x = np.meshgrid(*((np.arange(n) - n // 2) * size for n in grid.shape), indexing="ij")
    expected = blob(np.stack([x, y, z], axis=-1))
    assert np.abs(grid - expected)[np.abs(expected) > 0.1].max() < 0.01


def test_orthogonalise_takes_a_given_grid() -> None:
    vectors = np.diag([2e-9, 3e-9, 4e-9])[:, ::-1]
    grid, size = orthogonalise(np.ones((8, 8, 8), np.complex64), vectors, 1e-9, (10, 12, 14))
    assert (grid.shape, grid.dtype, size) == ((10, 12, 14), np.complex64, 1e-9)
