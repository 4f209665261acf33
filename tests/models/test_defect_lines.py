"""Lines that wind the phase are found where they are, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from braggline_models.defects import find_lines
from braggline_models.results import StrainField

N, VOXEL_m = 48, 4e-9
Z, Y, X = (np.indices((N, N, N)) - N // 2).astype(float)


def psi_of(phase: np.ndarray, blur: float = 0.8, noise: float = 0.0) -> np.ndarray:
    inside = np.sqrt(X**2 + Y**2 + Z**2) < 16
    rng = np.random.default_rng(0)
    sharp = inside * np.exp(1j * phase)
    soft = gaussian_filter(sharp.real, blur) + 1j * gaussian_filter(sharp.imag, blur)
    return (soft + noise * (rng.normal(size=soft.shape) + 1j * rng.normal(size=soft.shape))).astype(np.complex64)


def field(psi: np.ndarray, level: float = 0.5) -> StrainField:
    support = np.abs(psi) > level
    phase = np.where(support, np.angle(psi), np.nan).astype(np.float32)
    return StrainField(np.abs(psi), phase, phase, phase, phase, phase, support, VOXEL_m, np.array([0, 0, 2.8e10]))


@pytest.mark.parametrize("noise", [0.0, 0.08])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_screw_is_where_it_is(noise: float, sign: int) -> None:
    psi = psi_of(sign * np.arctan2(Y - 3.3, X + 4.4) + 0.02 * Z, noise=noise)
    report = find_lines(field(psi), psi)
    assert report.searched
    assert len(report.lines) == 1
    line = report.lines[0]
    voxels = line.position_m / VOXEL_m - N // 2
    assert np.abs(voxels[:, 1] - 3.3).mean() < 0.5
    assert np.abs(voxels[:, 2] + 4.4).mean() < 0.5
    assert np.ptp(voxels[:, 0]) > 24
    assert line.direction == pytest.approx((0, 0, sign), abs=0.06)
    assert line.g_dot_b == 1.0
    assert line.confidence > 0.9


def test_a_dark_core_is_looked_into() -> None:
    psi = psi_of(np.arctan2(Y, X), blur=1.5)
    hollow = field(psi)
    assert not hollow.support[N // 2, N // 2, N // 2]
    assert len(find_lines(hollow, psi).lines) == 1


def test_two_lines_and_their_senses() -> None:
    psi = psi_of(np.arctan2(Y, X - 7) - np.arctan2(Y, X + 7))
    found = sorted(find_lines(field(psi), psi).lines, key=lambda line: float(line.position_m[:, 2].mean()))
    assert [round(line.direction[2]) for line in found] == [-1, 1]


def test_smooth_strain_and_noise_are_no_defects() -> None:
    psi = psi_of(3.0 * np.sin(X / 6) * np.cos(Y / 7) + 0.01 * Z**2, noise=0.1)
    report = find_lines(field(psi), psi)
    assert report.searched
    assert report.lines == ()


def test_without_the_object_the_maps_do() -> None:
    psi = psi_of(np.arctan2(Y - 3.3, X + 4.4))
    assert len(find_lines(field(psi, 0.2)).lines) == 1
