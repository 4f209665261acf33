"""Writes a curve as BLISS at ID01 would have saved it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np

from braggline_models.scan import BoolArray, Detector, RockingCurve
from braggline_service.beamlines import load_beamline
from braggline_service.nexus import written_whole
from braggline_service.nexus.groups import group, scalar


def write_bliss_nexus(path: Path, curve: RockingCurve, detector: str | None = None, entry: str = "1.1") -> Path:
    """One `ascan` with its frames inside, which `read_scan` gives back. Whole or not at all.

    detector: its name in the file; by default the first that the beamline's configuration knows it by. What a BLISS
    file does not hold is lost: tilts, gaps and flags.
    """
    name = detector or name_in_files(curve.diffractometer.name, curve.detector)
    with written_whole(path) as part, h5py.File(part, "w") as file:
        file.attrs.update({"NX_class": "NXroot", "creator": "braggline", "default": entry})
        scan = group(file, entry, "NXentry")
        rocking, exposure_s = curve.scanned_circle, curve.exposure_s or 1.0
        angle = curve.scanned_positions
        scan["title"] = f"ascan {rocking} {angle[0]:g} {angle[-1]:g} {len(angle) - 1} {exposure_s:g}"
        scan["start_time"] = scan["end_time"] = datetime.now(UTC).isoformat()
        scan["end_reason"] = "SUCCESS"
        instrument = group(scan, "instrument", "NXinstrument")
        measurement = group(scan, "measurement", "NXcollection")
        _positioners(group(instrument, "positioners", "NXcollection"), curve)
        place = group(instrument, name, "NXdetector")
        describe_detector(place, curve.detector, curve.mask, len(curve.intensity), exposure_s)
        image = new_image(place, curve.intensity.shape, curve.intensity.dtype)
        image[...] = curve.intensity
        measurement[name] = h5py.SoftLink(f"/{entry}/instrument/{name}/image")
        if curve.energies_eV is None:
            measurement[rocking] = h5py.SoftLink(f"/{entry}/instrument/positioners/{rocking}")
        measurement["acq_time"] = np.full(len(angle), exposure_s)
        if curve.monitor is not None:
            measurement[next(iter(load_beamline(curve.diffractometer.name).monitors), "monitor")] = curve.monitor
        if curve.transmission is not None:
            measurement[load_beamline(curve.diffractometer.name).attenuator or "transmission"] = curve.transmission
    return path


def _positioners(place: h5py.Group, curve: RockingCurve) -> None:
    line = load_beamline(curve.diffractometer.name)
    for circle, values in curve.angles_deg.items():
        still = float(np.ptp(values)) == 0.0
        dataset = place.create_dataset(line.motors[circle], data=float(values[0]) if still else values)
        dataset.attrs["units"] = "deg"
    source = line.energy[-1]
    instrument = place.parent
    owner = place if source.path.startswith("positioners/") else instrument
    name = source.path.removeprefix("positioners/").removeprefix("instrument/")
    energy_eV = curve.energy_eV if curve.energies_eV is None else np.asarray(curve.energies_eV)
    owner[name] = energy_eV / source.eV_per_unit


def describe_detector(place: h5py.Group, detector: Detector, mask: BoolArray, frames: int, exposure_s: float) -> None:
    """All of it but its image."""
    place["type"] = "lima"
    scalar(place, "distance", detector.distance_m, "m")
    place["beam_center_y"], place["beam_center_x"] = detector.beam_center_px
    scalar(place, "y_pixel_size", detector.pixel_size_m[0], "m")
    scalar(place, "x_pixel_size", detector.pixel_size_m[1], "m")
    place["dim_i"], place["dim_j"] = detector.shape_px
    place["pixel_mask"] = mask.astype(np.uint8)
    if np.isfinite(detector.saturation_counts):
        place["saturation_value"] = detector.saturation_counts
    place["acq_parameters/acq_expo_time"] = exposure_s
    place["acq_parameters/acq_nb_frames"] = frames


def new_image(place: h5py.Group, shape: tuple[int, ...], dtype: np.dtype[Any]) -> h5py.Dataset:
    """The stack of frames, empty, one frame a chunk."""
    image = place.create_dataset("image", shape, dtype, chunks=(1, *shape[1:]), **hdf5plugin.Bitshuffle())
    image.attrs["interpretation"] = "image"
    return image


def name_in_files(beamline: str, detector: Detector) -> str:
    """The first that the beamline's configuration knows it by."""
    config = load_beamline(beamline).detectors[detector.name]
    return config.aliases[0] if config.aliases else detector.name
