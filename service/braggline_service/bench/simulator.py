"""Training volumes a second, and seconds for a map."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from braggline_models.simulate import (
    CrystalPlan,
    DetectorFlaws,
    FlawRange,
    MeshPlan,
    NanoBeam,
    ScanPlan,
    bragg_angles_deg,
    drawn_crystal,
    drawn_flaws,
    drawn_specimen,
    map_scene,
    seen_by_detector,
)
from braggline_models.simulate.plan import free_middle
from braggline_service.beamlines import load_beamline
from braggline_service.sources.write_map import write_map

VOLUME_PX = 32
ENERGY_eV, CRYSTALS, FIELD_um = 9000.0, 40, 10.25
HOME_um = (50.0, 50.0)


def run(volumes: int, points: int, workers: int) -> dict[str, Any]:
    """{"shape", "volumes", "workers", "volumes_per_s", "volume_cpu_s", "map_points", "map_s", "map_cpu_s"}.

    A volume is a crystal with its truth and its counts with all flaws; the map is written to a file.
    """
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        list(pool.map(_draw, [(seed, 2) for seed in range(workers)]))  # compiles
        begun = time.perf_counter()
        spent = list(pool.map(_draw, [(seed, volumes // workers) for seed in range(workers)]))
        wall_s = time.perf_counter() - begun
    drawn = volumes // workers * workers
    _map(2)  # compiles
    begun, cpu = time.perf_counter(), time.process_time()
    _map(points)
    return {
        "shape": [VOLUME_PX] * 3, "volumes": drawn, "workers": workers, "volumes_per_s": drawn / wall_s,
        "volume_cpu_s": sum(spent) / drawn, "map_points": [points, points],
        "map_s": time.perf_counter() - begun, "map_cpu_s": time.process_time() - cpu,
    }  # fmt: skip


def _draw(task: tuple[int, int]) -> float:
    """CPU seconds of so many volumes."""
    seed, number = task
    rng, flaws, begun = np.random.default_rng(seed), FlawRange(), time.process_time()
    for _ in range(number):
        crystal = drawn_crystal(VOLUME_PX, rng)
        seen_by_detector(crystal.expected, rng, drawn_flaws(crystal.expected, flaws, rng))
    return time.process_time() - begun


def _map(points: int) -> None:
    beamline = load_beamline("id01")
    detector, mask = beamline.detector("mpx1x4")
    angles = bragg_angles_deg(CrystalPlan(), beamline.diffractometer, detector, free_middle(mask), ENERGY_eV)
    scan = ScanPlan(beamline.diffractometer, detector, mask, angles, "eta", 0.01, 2, ENERGY_eV)
    specimen = drawn_specimen(CRYSTALS, HOME_um, (FIELD_um, FIELD_um), np.random.default_rng(0))
    mesh = MeshPlan((points, points), (FIELD_um / points,) * 2, HOME_um)
    flaws = DetectorFlaws(hot_pixels=5, zingers_per_frame=0.02, saturation=detector.saturation_counts)
    with TemporaryDirectory() as folder:
        for _ in write_map(Path(folder) / "map.h5", map_scene(mesh, scan, specimen, NanoBeam(), flaws, 0)):
            pass
