"""Writes a simulated map as BLISS at ID01 would have saved it, frame by frame, and its truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from braggline_models.simulate import MapScene
from braggline_service.beamlines import load_beamline
from braggline_service.nexus import written_whole
from braggline_service.nexus.groups import axis, group, scalar
from braggline_service.sources.truth import defect_as_json
from braggline_service.sources.write import describe_detector, name_in_files, new_image

EXPOSURE_S = 0.02
FAST, SLOW = "pix", "piy"  # the piezo stage of the sample, um


def write_map(path: Path, scene: MapScene, entry: str = "1.1") -> Iterator[int]:
    """One `amesh`, pix fast and piy slow; yields how many frames are written. Whole or not at all.

    Frames come one by one from the scene, so that a map larger than the memory can be written.
    """
    scan, beamline = scene.scan, load_beamline(scene.scan.diffractometer.name)
    name = name_in_files(beamline.name, scan.detector)
    positions = scene.plan.positions_um
    with written_whole(path) as part, h5py.File(part, "w") as file:
        file.attrs.update({"NX_class": "NXroot", "creator": "braggline", "default": entry})
        place = group(file, entry, "NXentry")
        place["title"] = _title(*scene.plan.axes_um)
        place["start_time"] = datetime.now(UTC).isoformat()
        instrument = group(place, "instrument", "NXinstrument")
        measurement = group(place, "measurement", "NXcollection")
        motors = group(instrument, "positioners", "NXcollection")
        for circle, value in scan.bragg_deg.items():
            scalar(motors, beamline.motors[circle], float(value), "deg")
        for k, motor in enumerate((FAST, SLOW)):
            axis(motors, motor, positions[:, k], "um")
            measurement[motor] = h5py.SoftLink(f"/{entry}/instrument/positioners/{motor}")
        source = beamline.energy[-1]
        instrument[source.path.removeprefix("instrument/")] = scan.energy_eV / source.eV_per_unit
        detector = group(instrument, name, "NXdetector")
        describe_detector(detector, scan.detector, scan.mask, len(positions), EXPOSURE_S)
        image = new_image(detector, (len(positions), *scan.detector.shape_px), np.dtype(np.uint32))
        measurement[name] = h5py.SoftLink(f"/{entry}/instrument/{name}/image")
        measurement["acq_time"] = np.full(len(positions), EXPOSURE_S)
        measurement[next(iter(beamline.monitors), "monitor")] = scene.history.monitor
        for index in range(len(positions)):
            image[index] = scene.frame(index)
            yield index + 1
        place["end_time"] = datetime.now(UTC).isoformat()
        place["end_reason"] = "SUCCESS"


def _title(pix: NDArray[np.float64], piy: NDArray[np.float64]) -> str:
    fast, slow = (f"{name} {um[0]:g} {um[-1]:g} {len(um) - 1}" for name, um in ((FAST, pix), (SLOW, piy)))
    return f"amesh {fast} {slow} {EXPOSURE_S:g}"


def write_map_truth(path: Path, scene: MapScene) -> Path:
    """JSON: {"material", "reflection", "beam", "islands": [...]}, one entry for each island of the specimen.

    pix_um, piy_um, size_m, tilt_deg (about the rocking axis, sideways), strain, phase_range_rad, defects; and of those
    that are seen at these angles peak_px (row, column), rocking_off_deg, peak_counts of a frame with the island in the
    middle of a still beam.
    """
    seen = {view.island: view for view in scene.islands}
    step_deg = scene.rocking_step_deg
    islands = []
    for island in scene.specimen.islands:
        row = {
            "pix_um": island.pix_um, "piy_um": island.piy_um, "size_m": island.size_m, "tilt_deg": island.tilt_deg,
            "strain": island.strain, "phase_range_rad": island.phase_range_rad, "shape": island.shape, "seen": False,
            "defects": [{"kind": kind, "visible": visible} for kind, visible in island.defects],
        }  # fmt: skip
        if view := seen.get(island):
            row |= {
                "seen": True, "peak_px": view.peak_px, "rocking_off_deg": float(view.at[0]) * step_deg,
                "peak_counts": scene.peak_counts(view), "defects": [defect_as_json(d) for d in view.defects],
            }  # fmt: skip
        islands.append(row)
    told = {
        "material": scene.specimen.material, "reflection": scene.specimen.reflection,
        "beam": {"fwhm_m": scene.beam.fwhm_m, "tails": scene.beam.tails},
        "hot": np.argwhere(scene.pixels.hot).tolist(), "dead": np.argwhere(scene.pixels.dead).tolist(),
        "islands": islands,
    }  # fmt: skip
    with written_whole(path) as part:
        part.write_text(json.dumps(told, indent=1))
    return path


def map_truth_path(scan: Path) -> Path:
    """Where the truth of a map lies."""
    return scan.with_suffix(".truth.json")
