"""A crystal in the beam of ID01: what its detector shows follows eta, delta, nu, pix and piy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from demo_beamline.samples.counting import HOT_RATE_PER_S, hot_pixels, photon_counts
from demo_beamline.samples.detectors import DetectorModel
from demo_beamline.samples.projection import Projection
from demo_beamline.samples.sample import Frame, SuggestedScan

BEAM_SIGMA_UM = 0.35
EXPOSURE_S = 0.1


@dataclass
class CrystalSample:
    """home: motor positions at the Bragg peak, which then lies at `peak_px` (row, column).

    step_deg: eta that leads from one frame of the conjugate volume to the next
    counts:   of a scan over the whole volume, one frame a step, EXPOSURE_S a frame
    phi, piz and the energy change nothing: a turn about phi moves this peak sideways out of the window, not emulated.
    """

    name: str
    projection: Projection
    home: Mapping[str, float]
    detector: DetectorModel
    peak_px: tuple[float, float]
    step_deg: float
    intervals: int
    counts: float
    seed: int
    energy_eV: float
    beamline: str = "id01"
    _alive: NDArray[np.bool_] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._alive = self.detector.alive()
        self._hot = hot_pixels(self.detector, self.seed)
        self._rate_per_s = self.counts / EXPOSURE_S / self.projection.total

    @property
    def scan(self) -> SuggestedScan:
        """Of `intervals` steps with one point on the Bragg peak."""
        start = self.home["eta"] - (self.intervals + 1) // 2 * self.step_deg
        return SuggestedScan("eta", round(start, 6), round(start + self.intervals * self.step_deg, 6), self.intervals)

    def frame(self, positions: Mapping[str, float], exposure_s: float, index: int) -> Frame:
        """Poisson counts of the exact diffraction at these positions, seeded by the frame's index."""
        at = {**self.home, **positions}
        rng = np.random.default_rng((self.seed, index))
        frame = np.zeros(self.detector.shape_px, np.uint32)
        row, column = self._peak_at(at)
        s = (at["eta"] - self.home["eta"]) / self.step_deg
        row_0, column_0 = int(np.floor(row)), int(np.floor(column))
        pattern = self.projection.intensity(round(s, 6), round(row - row_0, 3), round(column - column_0, 3))
        expected = pattern * np.float32(self._rate_per_s * exposure_s * self._illumination(at))
        _place(frame, photon_counts(expected, rng), (row_0, column_0))
        frame *= self._alive
        frame[self._hot] += rng.poisson(HOT_RATE_PER_S * exposure_s, self.detector.hot_pixels).astype(np.uint32)
        return frame

    def _illumination(self, at: Mapping[str, float]) -> float:
        """The beam is a Gaussian about the crystal."""
        distance = np.hypot(at["pix"] - self.home["pix"], at["piy"] - self.home["piy"])
        return float(np.exp(-0.5 * (distance / BEAM_SIGMA_UM) ** 2))

    def _peak_at(self, at: Mapping[str, float]) -> tuple[float, float]:
        """Where the peak lies after a small move of the arm: a fixed direction slides against the detector.

        delta lifts the detector, so the peak moves to higher rows; nu takes it inboard, so to higher columns.
        """
        per_radian = self.detector.distance_m / self.detector.pixel_size_m
        d_delta = np.tan(np.radians(at["delta"] - self.home["delta"]))
        d_nu = np.tan(np.radians(at["nu"] - self.home["nu"])) * np.cos(np.radians(at["delta"]))
        return self.peak_px[0] + per_radian * float(d_delta), self.peak_px[1] + per_radian * float(d_nu)


def _place(frame: Frame, pattern: NDArray[np.uint32], peak_px: tuple[int, int]) -> None:
    """Add `pattern`, middle on `peak_px`; what sticks out is lost."""
    inside, window = [], []
    for peak, size, limit in zip(peak_px, pattern.shape, frame.shape, strict=True):
        start = peak - size // 2
        first, last = max(start, 0), min(start + size, limit)
        if first >= last:
            return
        inside.append(slice(first, last))
        window.append(slice(first - start, last - start))
    frame[tuple(inside)] += pattern[tuple(window)]
