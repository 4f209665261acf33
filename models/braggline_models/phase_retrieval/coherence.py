"""Partial coherence: the detector sees |Psi|^2 convolved with the Fourier transform of the coherence function."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

HALF_PX = 6  # the blur reaches no farther
FLOOR = 1e-6


class Coherence:
    """psf float32, in FFT order, sum 1: I_c = |Psi|^2 * psf. Lives on the CPU.

    Source: Clark, Huang, Harder, Robinson, Nat. Commun. 3, 993 (2012).
    """

    def __init__(self, shape: tuple[int, ...], sigma_px: float) -> None:
        self.shape = shape
        self.sigma_px = sigma_px
        self.psf = _gaussian(shape, sigma_px)

    def blurred(self, psi_q: NDArray[np.complex64]) -> NDArray[np.float32]:
        """|Psi|^2 * psf, float32."""
        return _convolved(np.square(np.abs(psi_q)), self.psf)

    def fit_width(self, calculated: NDArray[np.float32], counts: NDArray[np.float32], known: Any) -> None:
        """The Gaussian of the width that gives the counts the best Poisson likelihood, by golden section in 0..3 px."""

        def deviance(sigma_px: float) -> float:
            expected = np.maximum(_convolved(calculated, _gaussian(self.shape, sigma_px))[known], FLOOR)
            return float(np.sum(expected - counts[known] * np.log(expected), dtype=np.float64))

        low, high, ratio = 0.0, 3.0, (np.sqrt(5.0) - 1) / 2
        while high - low > 0.02:
            left, right = high - ratio * (high - low), low + ratio * (high - low)
            low, high = (low, right) if deviance(left) < deviance(right) else (left, high)
        self.sigma_px = (low + high) / 2
        self.psf = _gaussian(self.shape, self.sigma_px)

    def richardson_lucy(
        self, calculated: NDArray[np.float32], counts: NDArray[np.float32], known: Any, count: int = 10
    ) -> None:
        """psf *= corr(I / I_c, |Psi|^2) / corr(1, |Psi|^2), `count` times, within HALF_PX; symmetric, of sum 1."""
        near = _near(self.shape)
        weight = np.maximum(_correlated(known.astype(np.float32), calculated), FLOOR)
        for _ in range(count):
            expected = np.maximum(_convolved(calculated, self.psf), FLOOR)
            ratio = np.where(known, counts / expected, 0).astype(np.float32)
            psf = np.maximum(self.psf * _correlated(ratio, calculated) / weight, 0) * near
            psf = psf + np.roll(psf[::-1, ::-1, ::-1], 1, (0, 1, 2))
            self.psf = (psf / max(float(psf.sum()), 1e-30)).astype(np.float32)


def _convolved(values: NDArray[np.float32], psf: NDArray[np.float32]) -> NDArray[np.float32]:
    product = scipy.fft.rfftn(values, workers=1) * scipy.fft.rfftn(psf, workers=1)
    return np.maximum(scipy.fft.irfftn(product, values.shape, workers=1), 0)


def _correlated(values: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    product = scipy.fft.rfftn(values, workers=1) * np.conj(scipy.fft.rfftn(other, workers=1))
    return scipy.fft.irfftn(product, values.shape, workers=1)


def _gaussian(shape: tuple[int, ...], sigma_px: float) -> NDArray[np.float32]:
    lines = [np.fft.fftfreq(n, 1.0 / n) for n in shape]
    square = np.square(lines[0])[:, None, None] + np.square(lines[1])[None, :, None] + np.square(lines[2])
    psf = np.exp(-0.5 * square / max(sigma_px, 1e-3) ** 2)
    return (psf / psf.sum()).astype(np.float32)


def _near(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    lines = [np.abs(np.fft.fftfreq(n, 1.0 / n)) <= HALF_PX for n in shape]
    return lines[0][:, None, None] & lines[1][None, :, None] & lines[2]
