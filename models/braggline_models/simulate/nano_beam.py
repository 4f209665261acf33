"""A focused beam on a sample that is moved through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.simulate.beam import drawn_beam

SIGMA_PER_FWHM = 1.0 / np.sqrt(8.0 * np.log(2.0))


@dataclass(frozen=True)
class NanoBeam:
    """I(y, z) = (1 - tails) exp(-r^2 / 2 s^2) + tails / (1 + r^2 / w^2)^2, 1 in its middle; flat phase, as in a focus.

    fwhm_m    along y and z across the beam: 100 to 300 nm;  tails  share of the peak, and their width w over the FWHM
    flux_noise  rms from point to point, that the monitor follows;  vibration_m  rms of the beam's place on the sample,
    drift_m   that it moves slowly over the scan: the monitor sees neither
    """

    fwhm_m: tuple[float, float] = (200e-9, 200e-9)
    tails: float = 0.02
    tail_width: float = 2.0
    flux_noise: float = 0.03
    vibration_m: float = 15e-9
    drift_m: float = 50e-9

    def __post_init__(self) -> None:
        if not min(self.fwhm_m) > 0 or not 0 <= self.tails < 1 or min(self.vibration_m, self.drift_m) < 0:
            raise BadInput(f"beam of {self.fwhm_m} m, tails {self.tails:g}: give a width above 0, tails from 0 to 1")

    def intensity(self, y_m: NDArray[np.float32], z_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """At places across the beam, from its middle."""
        square = np.square(y_m / np.float32(self.fwhm_m[0])) + np.square(z_m / np.float32(self.fwhm_m[1]))
        core = np.exp(square * np.float32(-0.5 / SIGMA_PER_FWHM**2))
        tail = 1.0 / np.square(1.0 + square * np.float32(1.0 / self.tail_width**2))
        return np.asarray(core * np.float32(1 - self.tails) + tail * np.float32(self.tails), np.float32)


@dataclass(frozen=True)
class BeamHistory:
    """Of every point of a scan: flux (n,) mean 1, monitor (n,) counts, offset_m (n, 2) of the beam, y and z."""

    flux: NDArray[np.float64]
    monitor: NDArray[np.float64]
    offset_m: NDArray[np.float64]


def drawn_history(beam: NanoBeam, n: int, rng: np.random.Generator) -> BeamHistory:
    """What the beam does during a scan of n points."""
    source = drawn_beam(n, beam.flux_noise, 0.0, 0.0, rng)
    walk = np.cumsum(rng.standard_normal((n, 2)), axis=0)
    walk -= walk.mean(axis=0)
    slow = beam.drift_m * walk / np.maximum(walk.std(axis=0), 1e-12)
    return BeamHistory(source.flux, source.monitor, slow + rng.normal(0.0, beam.vibration_m, (n, 2)))
