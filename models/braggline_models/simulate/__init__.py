"""Crystals whose answer is known, and what a detector would see of them.

For training: `drawn_crystal` of a `CrystalRange`, then `seen_by_detector` with `DetectorFlaws` (`drawn_flaws` of a
`FlawRange`). For scans as a beamline would record them: `simulate_scan` of a `CrystalPlan` by a `ScanPlan`;
`simulate_curve` is the simpler one, without flaws. For maps: `map_scene` of a `Specimen`. `known_crystal` is a frozen
benchmark.
"""

from braggline_models.simulate.crystal import faceted_crystal, smooth_field
from braggline_models.simulate.crystal_range import CrystalRange
from braggline_models.simulate.curve import SimulatedTruth, simulate_curve
from braggline_models.simulate.detector import Seen, seen_by_detector
from braggline_models.simulate.diffraction import expected_counts, photon_counts
from braggline_models.simulate.drawn import DrawnCrystal, drawn_crystal
from braggline_models.simulate.flaws import DetectorFlaws, FlawRange, drawn_flaws
from braggline_models.simulate.map_scene import MapScene, MeshPlan, map_scene
from braggline_models.simulate.nano_beam import NanoBeam
from braggline_models.simulate.plan import CrystalPlan, ScanPlan, bragg_angles_deg
from braggline_models.simulate.planted import PlantedDefect
from braggline_models.simulate.scan_of import ScanTruth, planned_crystal, simulate_scan
from braggline_models.simulate.specimen import Island, Specimen, SpecimenRange, Substrate, drawn_specimen

__all__ = [
    "CrystalPlan", "CrystalRange", "DetectorFlaws", "DrawnCrystal", "FlawRange", "Island", "MapScene", "MeshPlan",
    "NanoBeam", "PlantedDefect", "ScanPlan", "ScanTruth", "Seen", "SimulatedTruth", "Specimen", "SpecimenRange",
    "Substrate", "bragg_angles_deg", "drawn_crystal", "drawn_flaws", "drawn_specimen", "expected_counts",
    "faceted_crystal", "map_scene", "photon_counts", "planned_crystal", "seen_by_detector", "simulate_curve",
    "simulate_scan", "smooth_field",
]  # fmt: skip
