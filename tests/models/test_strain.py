"""Phase to displacement and strain on shapes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from braggline_models.strain import directional_derivative, unwrapped


def ball(n: int = 24, radius: float = 9.0) -> tuple[np.ndarray, np.ndarray]:
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2,) * 3, indexing="ij"), axis=-1).astype(float)
    return index, np.linalg.norm(index, axis=-1) < radius


def test_unwrapped_gives_a_phase_of_many_turns_back() -> None:
    index, support = ball()
    phase = 0.9 * index[..., 0] + 0.04 * index[..., 1] ** 2
    found = unwrapped(np.exp(1j * phase).astype(np.complex64), support)
    np.testing.assert_allclose(found[support], phase[support] - phase[support].mean(), atol=1e-4)
    assert np.isnan(found[~support]).all()


def test_unwrapped_leaves_pieces_without_a_path_unknown() -> None:
    _, support = ball()
    support[0, 0, 0] = True
    found = unwrapped(np.ones(support.shape, np.complex64), support)
    assert np.isnan(found[0, 0, 0])
    assert unwrapped(np.ones((4, 4, 4), np.complex64), np.zeros((4, 4, 4), bool)).shape == (4, 4, 4)


def test_derivative_of_a_ramp_is_exact_up_to_the_surface() -> None:
    index, support = ball()
    gradient = np.array([2.5, -1.0, 0.3])  # rad a voxel along x, y, z: wraps several times
    phase = index[..., 2] * gradient[0] + index[..., 1] * gradient[1] + index[..., 0] * gradient[2]
    direction = np.array([0.6, 0.0, 0.8])
    found = directional_derivative(np.exp(1j * phase).astype(np.complex64), support, direction, 2e-9)
    known = found[support & np.isfinite(found)]
    np.testing.assert_allclose(known, gradient @ direction / 2e-9, rtol=1e-4)
    assert np.isfinite(found[support]).mean() > 0.99


@pytest.mark.parametrize("charge", [1, -1])
def test_derivative_sees_no_cut_around_a_screw_dislocation(charge: int) -> None:
    index, support = ball()
    core = np.hypot(index[..., 1], index[..., 2]) < 3
    phase = charge * np.arctan2(index[..., 1] + 0.5, index[..., 2] + 0.5)
    found = directional_derivative(np.exp(1j * phase).astype(np.complex64), support, np.array([0.0, 1.0, 0.0]), 1.0)
    assert np.nanmax(np.abs(found[support & ~core])) < 0.5  # a cut would give pi
