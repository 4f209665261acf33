"""What the beam, the motors and the sample do while a scan runs: how bright each frame is, and where it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MONITOR_COUNTS = 1e6  # of a frame in the mean beam: its own noise is a tenth of a per cent


@dataclass(frozen=True)
class Beam:
    """One scan's: all (n_frames,).

    flux         of the source, mean 1;  monitor  counts that follow it
    illumination share of the flux that hits a crystal which drifts out of a Gaussian beam: no monitor sees that
    offset_steps of the rocking motor from where it should be, in steps
    """

    flux: NDArray[np.float64]
    monitor: NDArray[np.float64]
    illumination: NDArray[np.float64]
    offset_steps: NDArray[np.float64]

    @property
    def brightness(self) -> NDArray[np.float64]:
        """flux times illumination, by which the counts of a frame differ from those of a still beam."""
        return self.flux * self.illumination


def drawn_beam(n_frames: int, flux_noise: float, drift: float, jitter_steps: float, rng: np.random.Generator) -> Beam:
    """A beam of `flux_noise` (rms, half of it from frame to frame, half slow), with a crystal that drifts and a motor
    that jitters.

    drift: of the crystal over the scan, in the beam's sigma, from the middle to either side with a random walk on top
    jitter_steps: rms of the motor's error
    """
    white = rng.standard_normal((4, n_frames))
    slow = _standard(np.cumsum(white[1]))
    flux = np.exp(flux_noise * (white[0] + slow) / np.sqrt(2))
    flux /= flux.mean()
    walk = np.linspace(-0.5, 0.5, n_frames) + 0.1 * _standard(np.cumsum(white[2]))
    illumination = np.exp(-0.5 * np.square(drift * (walk + rng.uniform(-0.3, 0.3))))
    monitor = rng.poisson(MONITOR_COUNTS * flux).astype(np.float64)
    return Beam(flux, monitor, illumination, jitter_steps * white[3])


def at_offsets(intensity: NDArray[np.float32], offset_steps: NDArray[np.float64]) -> NDArray[np.float32]:
    """The intensity at frame k + offset[k] instead of k: interpolated by its Fourier series along the first axis.

    Exact for a crystal that is oversampled along the rocking axis, but for the edges of the scan.
    """
    n = len(intensity)
    if not offset_steps.any():
        return intensity
    f = np.fft.fftfreq(n, 1.0 / n)
    f = f[np.abs(f) < n / 2]  # the highest has no sign
    step = np.arange(n)[:, None] + offset_steps[:, None] - np.arange(n)
    kernel = np.exp(2j * np.pi * step[..., None] * f / n).real.mean(axis=-1) * len(f) / n
    return np.maximum(np.tensordot(kernel.astype(np.float32), intensity, 1), 0.0).astype(np.float32)


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centered = values - values.mean()
    return centered / max(float(centered.std()), 1e-12)
