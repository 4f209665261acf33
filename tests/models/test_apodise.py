"""What apodisation does to amplitude and phase."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft

from braggline_models.strain.apodise import apodised, response, window

N, WIDTH = 48, 0.4


def box() -> tuple[np.ndarray, np.ndarray]:
    """A cube with sharp faces, and its voxels along the first axis from the middle."""
    index = np.indices((N, N, N)) - N // 2
    return np.all(np.abs(index) <= 10, axis=0), index[0].astype(float)


def one_window(psi: np.ndarray) -> np.ndarray:
    return scipy.fft.ifftn(scipy.fft.fftn(psi) * window(psi.shape, WIDTH))


def test_strain_does_not_bend_the_faces() -> None:
    """5 rad from the middle to a face: the amplitude stays that of the crystal without strain."""
    inside, x = box()
    bent = (inside * np.exp(0.05j * x**2)).astype(np.complex64)
    straight = np.abs(apodised(inside.astype(np.complex64), WIDTH))
    assert np.abs(np.abs(apodised(bent, WIDTH)) - straight).max() < 0.05
    assert np.abs(np.abs(one_window(bent)) - np.abs(one_window(inside))).max() > 0.15


def test_the_phase_at_the_face_is_nearly_twice_as_true() -> None:
    inside, x = box()
    bent = (inside * np.exp(0.05j * x**2)).astype(np.complex64)
    off, before = (
        np.abs(np.angle(soft * bent.conj())[inside]).max() for soft in (apodised(bent, WIDTH), one_window(bent))
    )
    assert off < 0.6 * before


@pytest.mark.parametrize("period", [3, 6, 12])
def test_a_weak_wave_of_the_phase_is_left_as_the_response_says(period: int) -> None:
    x = np.indices((N, N, N))[1]
    soft = apodised(np.exp(0.01j * np.sin(2 * np.pi * x / period)).astype(np.complex64), WIDTH)
    left = np.abs(scipy.fft.fftn(np.angle(soft))[0, N // period, 0]) / (0.005 * N**3)
    assert left == pytest.approx(response((N, N, N), WIDTH)[0, N // period, 0], abs=0.01)


def test_width_zero_changes_nothing() -> None:
    inside, x = box()
    psi = (inside * np.exp(0.3j * x)).astype(np.complex64)
    assert np.array_equal(apodised(psi, 0.0), psi)
