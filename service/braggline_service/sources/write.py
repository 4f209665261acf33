"""Writes a curve as BLISS at ID01 would have saved it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

from braggline_models.scan import RockingCurve
from braggline_service.nexus import written_whole


def write_bliss_nexus(path: Path, curve: RockingCurve, detector: str = "mpx1x4", entry: str = "1.1") -> Path:
    """One `ascan` with its frames inside, which `read_scan` reads back. Whole or not at all."""
    with written_whole(path) as part, h5py.File(part, "w") as file:
        scan = file.create_group(entry)
        scan.attrs["NX_class"] = "NXentry"
        angles, rocking = curve.angles_deg, curve.scanned_circle
        first, last = angles[rocking][0], angles[rocking][-1]
        exposure_s = curve.exposure_s or 1.0
        scan["title"] = f"ascan {rocking} {first:g} {last:g} {len(curve.intensity) - 1} {exposure_s:g}"
        scan["start_time"] = datetime.now(UTC).isoformat()
        positioners = scan.create_group("instrument/positioners")
        for name, values in angles.items():
            data = values if name == rocking else float(values[0])
            positioners.create_dataset(name, data=data).attrs["units"] = "deg"
        positioners["mononrj"] = curve.energy_eV / 1000.0
        camera = scan.create_group(f"instrument/{detector}")
        _pose(camera, curve)
        camera.create_dataset(
            "data", data=curve.intensity, chunks=(1, *curve.intensity.shape[1:]), **hdf5plugin.Bitshuffle()
        )
        measurement = scan.create_group("measurement")
        measurement[detector] = camera["data"]
        measurement["acq_time"] = np.full(len(curve.intensity), exposure_s)
        if curve.monitor is not None:
            measurement["mon2"] = curve.monitor
    return path


def _pose(camera: h5py.Group, curve: RockingCurve) -> None:
    detector = curve.detector
    camera["distance"] = detector.distance_m
    camera["beam_center_y"], camera["beam_center_x"] = detector.beam_center_px
    for key, value in zip(("y_pixel_size", "x_pixel_size"), detector.pixel_size_m, strict=True):
        camera.create_dataset(key, data=value).attrs["units"] = "m"
