"""Crystals whose answer is known, and what a detector would see of them.

For training: `drawn_crystal` of a `CrystalRange`, then `seen_by_detector` with `DetectorFlaws` (`drawn_flaws` of a
`FlawRange`). For scans as a beamline would record them: `simulate_curve`. `known_crystal` is a frozen benchmark.
"""

from braggline_models.simulate.crystal import faceted_crystal, smooth_field
from braggline_models.simulate.crystal_range import CrystalRange
from braggline_models.simulate.curve import SimulatedTruth, simulate_curve
from braggline_models.simulate.detector import Seen, seen_by_detector
from braggline_models.simulate.diffraction import expected_counts, photon_counts
from braggline_models.simulate.drawn import DrawnCrystal, drawn_crystal
from braggline_models.simulate.flaws import DetectorFlaws, FlawRange, drawn_flaws
from braggline_models.simulate.planted import PlantedDefect

__all__ = [
    "CrystalRange", "DetectorFlaws", "DrawnCrystal", "FlawRange", "PlantedDefect", "Seen", "SimulatedTruth",
    "drawn_crystal", "drawn_flaws", "expected_counts", "faceted_crystal", "photon_counts", "seen_by_detector",
    "simulate_curve", "smooth_field",
]  # fmt: skip
