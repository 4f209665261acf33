"""Many crystals on a substrate before a nano-beam: eta rocks them, pix and piy move them through the beam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from braggline_models.simulate import DetectorFlaws, MapScene, MeshPlan, NanoBeam, ScanPlan, drawn_specimen, map_scene
from demo_beamline.samples.at_home import ENERGY_eV, at_home
from demo_beamline.samples.counting import HOT_RATE_PER_S, hot_pixels, photon_counts
from demo_beamline.samples.crystal import EXPOSURE_S
from demo_beamline.samples.detectors import DetectorModel
from demo_beamline.samples.platinum import HOME, peak
from demo_beamline.samples.sample import Frame, SuggestedScan

ISLANDS, FIELD_UM = 40, (10.0, 10.0)
PHOTONS = 2e5  # in EXPOSURE_S, of a perfect crystal of 300 nm
STEP_DEG, INTERVALS = 0.008, 96
BEAM = NanoBeam(fwhm_m=(300e-9, 300e-9))


@dataclass
class SpecimenSample:
    """home: the island that gives the most counts is in the beam, eta on its own Bragg peak.

    delta, nu, phi, piz and the energy change nothing: not emulated.
    """

    scene: MapScene
    detector: DetectorModel
    seed: int
    name: str = "specimen"
    beamline: str = "id01"

    def __post_init__(self) -> None:
        self._alive, self._hot = self.detector.alive(), hot_pixels(self.detector, self.seed)
        best = max(self.scene.islands, key=lambda island: float(island.pattern(steps=float(island.at[0])).sum()))
        eta = HOME["eta"] + float(best.at[0]) * self.scene.rocking_step_deg
        self.home: Mapping[str, float] = {
            **HOME, "eta": round(eta, 5), "pix": round(best.island.pix_um, 3), "piy": round(best.island.piy_um, 3),
        }  # fmt: skip

    @property
    def energy_eV(self) -> float:
        return ENERGY_eV

    @property
    def scan(self) -> SuggestedScan:
        """The rocking curve of the brightest island."""
        start = self.home["eta"] - INTERVALS // 2 * STEP_DEG
        return SuggestedScan("eta", round(start, 6), round(start + INTERVALS * STEP_DEG, 6), INTERVALS)

    def frame(self, positions: Mapping[str, float], exposure_s: float, index: int) -> Frame:
        """Poisson counts at these positions, in a beam that fluctuates from frame to frame, seeded by the index."""
        at = {**self.home, **positions}
        rng = np.random.default_rng((self.seed, index))
        offset_m = rng.normal(0.0, self.scene.beam.vibration_m, 2)
        flux = max(1.0 + self.scene.beam.flux_noise * float(rng.standard_normal()), 0.0)
        steps = (at["eta"] - HOME["eta"]) / self.scene.rocking_step_deg
        expected = (
            self.scene.expected_at(at["pix"], at["piy"], offset_m, steps) + self.scene.specimen.substrate.background
        )
        frame = photon_counts(expected * np.float32(flux * exposure_s / EXPOSURE_S), rng)
        frame *= self._alive
        frame[self._hot] += rng.poisson(HOT_RATE_PER_S * exposure_s, self.detector.hot_pixels).astype(np.uint32)
        return frame


def specimen(detector: DetectorModel, seed: int) -> SpecimenSample:
    """Before `detector`, at the motor positions of the platinum crystal, about the middle of pix and piy."""
    circles, posed, angles = at_home(detector)
    row, column = peak(detector)
    scan = ScanPlan(
        circles, posed, ~detector.alive(), angles, "eta", STEP_DEG, INTERVALS + 1, ENERGY_eV,
        aim_px=(round(row), round(column)),
    )  # fmt: skip
    center = (HOME["pix"], HOME["piy"])
    crystals = drawn_specimen(ISLANDS, center, FIELD_UM, np.random.default_rng((seed, 13)))
    scene = map_scene(MeshPlan(center_um=center, photons=PHOTONS), scan, crystals, BEAM, DetectorFlaws(), seed)
    return SpecimenSample(scene, detector, seed)
