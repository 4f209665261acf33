"""Scans of one crystal that lies a little elsewhere each time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from braggline_models.scan import RockingCurve
from braggline_models.simulate import simulate_curve
from braggline_models.simulate.diffraction import expected_counts
from braggline_service.beamlines import load_beamline

BRAGG_DEG = {"eta": 17.7, "phi": 0.0, "nu": 0.0, "delta": 35.4}
N, WINDOW, SIDE = 64, 128, 160


class Crystal:
    """One simulated crystal, and scans of it that are shifted by (frames, rows, columns), to any fraction."""

    def __init__(self, seed: int, size_m: float = 200e-9, phase_range_rad: float = 2.0) -> None:
        line = load_beamline("id01")
        detector, mask = line.detector("maxipix")
        curve, truth = simulate_curve(
            line.diffractometer, detector, np.zeros_like(mask), BRAGG_DEG, "eta", 0.012, N, 9000.0, size_m,
            phase_range_rad, 1e6, seed, window_px=WINDOW,
        )  # fmt: skip
        corner = 258 - SIDE // 2
        self.curve = replace(
            curve, detector=detector.cropped(corner, corner, (SIDE, SIDE)), mask=np.zeros((SIDE, SIDE), bool),
            intensity=np.zeros((N, SIDE, SIDE), np.uint32),
        )  # fmt: skip
        self.truth = truth

    def expected(self, photons: float, shift: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
        """Mean counts (N, SIDE, SIDE): a ramp of the object's phase moves its pattern, by fractions too."""
        object_ = self.truth.object_.copy()
        for axis, by in enumerate(shift):
            n = object_.shape[axis]
            ramp = np.exp(-2j * np.pi * (np.arange(n) - n // 2) / n * by)
            object_ *= ramp.reshape([-1 if k == axis else 1 for k in range(3)]).astype(np.complex64)
        whole = np.zeros((N, SIDE, SIDE), np.float32)
        edge = (SIDE - WINDOW) // 2
        whole[:, edge:-edge, edge:-edge] = expected_counts(object_, photons)
        return whole

    def scan(
        self, name: str, photons: float, shift: tuple[float, float, float] = (0, 0, 0), seed: int = 0
    ) -> RockingCurve:
        counts = np.random.default_rng(seed).poisson(self.expected(photons, shift)).astype(np.uint32)
        return replace(self.curve, name=name, intensity=counts)
