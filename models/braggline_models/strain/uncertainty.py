"""How far each voxel's strain may be off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma

from braggline_models.scan import PreparedVolume
from braggline_models.strain.apodise import response

Maps = NDArray[np.floating]
FOR_COUNTS = 0.5  # deviation of the square root of a Poisson number
# Weights of the three parts. Runs share what the noise does to all of them, the narrower window tells the smaller part
# of what a window takes away: with these, the total covers 68 % of the errors on simulated crystals.
RUNS, WINDOW, COUNTS = 1.15, 2.0, 1.5


def spread(strains: Sequence[Maps]) -> NDArray[np.float64]:
    """Standard deviation over the runs, without the bias of few samples: 0.89 for 3. Zero for fewer than two."""
    n = len(strains)
    if n < 2:
        return np.zeros(strains[0].shape if n else (1, 1, 1))
    bias = np.sqrt(2.0 / (n - 1)) * gamma(n / 2) / gamma((n - 1) / 2)
    return np.asarray(np.std(np.stack(strains), axis=0, ddof=1, dtype=np.float64) / bias)


def combined(of_runs: Maps, of_window: Maps, of_counts: Maps) -> Maps:
    """One standard deviation: the root of the weighed sum of squares."""
    parts = np.square(RUNS * of_runs) + np.square(WINDOW * of_window) + np.square(COUNTS * of_counts)
    return np.sqrt(parts).astype(np.float32)


def counting_noise(volume: PreparedVolume, width: float) -> float:
    """sigma |psi(r)| of the strain along Q that Poisson noise in the counts makes, phases taken as right.

    sigma^2 = sum over q of (w q.Q/|Q|)^2 / 4 / (2 N^2 |Q|^2 |psi|^2): each modulus is uncertain by 1/2, half of that
    turns the phase of psi, and the derivative along Q weighs by q along Q. w: what the apodisation leaves.
    """
    shape, length = volume.intensity.shape, float(np.linalg.norm(volume.q_bragg_per_m))
    along = volume.q_step_per_m.T @ (volume.q_bragg_per_m / length)  # 1/m along Q for one step on each axis
    lines = [(np.arange(n) - n // 2) * step for n, step in zip(shape, along, strict=True)]
    q = lines[0][:, None, None] + lines[1][None, :, None] + lines[2]
    weight = np.fft.fftshift(response(shape, width))
    total = float(np.sum(np.square(q * weight)[volume.intensity > 0]))
    return float(FOR_COUNTS * np.sqrt(total / 2.0) / (np.prod(shape) * length))
