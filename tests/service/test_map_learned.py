"""Shipped models of maps: on frozen frames, and through a file from mesh to ranked crystals."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from braggline_models.learned.frame_strain import TASK as FRAME_STRAIN
from braggline_models.maps import find_crystals
from braggline_models.simulate import (
    CrystalPlan,
    DetectorFlaws,
    MeshPlan,
    NanoBeam,
    ScanPlan,
    SpecimenRange,
    bragg_angles_deg,
    drawn_specimen,
    map_scene,
)
from braggline_service.beamlines import load_beamline
from braggline_service.learned.ranked import expected
from braggline_service.learned.weights import load_model
from braggline_service.sources.map_scan import read_map
from braggline_service.sources.write_map import write_map

FROZEN = 12  # frames of a kind


def test_strain_from_one_frame_errs_less_than_the_centre_of_mass_where_something_is_wrong() -> None:
    model, found = load_model("frame_strain"), []
    for kind in ("gap", "hot", "edge", "two"):
        which = FRAME_STRAIN.bins.index(kind)
        first = FRAME_STRAIN.test_seed + 10_000 * which
        found += [FRAME_STRAIN.judge(model, which, first + k, time.process_time).values for k in range(FROZEN)]
    ours, control = (np.mean([f["strain error, mean", arm] for f in found]) for arm in ("learned", "control"))
    assert ours < control


def test_the_crystals_of_a_simulated_map_are_found_and_ranked(tmp_path: Path) -> None:
    """Through the file of a mesh: 11 x 11 points of a whole Maxipix, two crystals."""
    line = load_beamline("id01")
    detector, mask = line.detector("mpx1x4")
    angles = bragg_angles_deg(CrystalPlan(), line.diffractometer, detector, (128.0, 128.0), 9000.0)
    scan = ScanPlan(line.diffractometer, detector, mask, angles, "eta", 0.01, 2, 9000.0)
    mesh = MeshPlan((11, 11), (0.2, 0.2), photons=2e4)
    range_ = SpecimenRange(size_m=(250e-9, 300e-9), tilt_deg=0.0, strain=0.0, phase_range_rad=(0.5, 1.0), clustered=0.0)
    drawn = drawn_specimen(2, mesh.center_um, (1.2, 1.2), np.random.default_rng(3), range_)
    places = ((49.5, 49.5), (50.5, 50.5))
    islands = tuple(replace(i, pix_um=x, piy_um=y) for i, (x, y) in zip(drawn.islands, places, strict=True))
    specimen = replace(drawn, islands=islands)
    scene = map_scene(mesh, scan, specimen, NanoBeam(), DetectorFlaws(), 1)
    list(write_map(tmp_path / "map.h5", scene))
    found = read_map(tmp_path / "map.h5")
    crystals = find_crystals(found.map)
    assert len(crystals) == 2
    for crystal in crystals:
        across = [
            scene.view.to_lab[1:, :2] @ np.subtract(crystal.position_m, (1e-6 * i.pix_um, 1e-6 * i.piy_um))
            for i in islands
        ]
        assert min(np.linalg.norm(way) for way in across) < 200e-9  # the beam drifts
    ranked = expected(found, crystals, load_model("ranking"))
    assert {e.number for e in ranked} == {1, 2}
    assert all(0 <= e.probability <= 1 and 2e-9 < e.resolution_m < 3e-7 for e in ranked)
    inside = [e.probability for e in ranked if e.outside <= 1]
    assert inside == sorted(inside, reverse=True)
    plain = expected(found, crystals)
    assert {e.number for e in plain} == {1, 2}
    assert plain[0].probability >= plain[1].probability > 0
    assert all(np.isnan(e.resolution_m) for e in plain)
