"""A rocking curve of APS 34-ID-C in one HDF5 file: frames, theta_deg, monitor, geometry/*."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from braggline_models.errors import BadInput
from braggline_models.scan import RockingCurve
from braggline_service.beamlines import load_beamline
from braggline_service.sources.angles import checked_angles
from braggline_service.sources.counts import checked_counts
from braggline_service.sources.overrides import checked_overrides, detector_overrides, posed, seen_through, window
from braggline_service.sources.pixels import fitted, read_frames

BEAMLINE, DETECTOR = "aps34idc", "timepix"


def recognises(file: h5py.File) -> bool:
    """True for a file of this layout."""
    return "frames" in file and "geometry" in file and "instrument" not in file


def read(
    file: h5py.File, entry: str | None, detector: str | None, beamline: str | None, overrides: dict[str, float | str]
) -> RockingCurve:
    """The only scan of the file. BadInput as `read_scan` says."""
    path = Path(file.filename)
    if entry not in (None, "/", path.stem):
        raise BadInput(f"{path}: has no entries, one scan only; leave --entry out")
    line = load_beamline(beamline or BEAMLINE)
    known = checked_overrides(overrides, line.diffractometer.circle_names)
    line = line.tuned(detector or DETECTOR, detector_overrides(overrides))
    posed_detector, gaps = line.detector(detector or DETECTOR)
    geometry = file["geometry"]
    posed_detector = replace(posed_detector, distance_m=_number(geometry, "detector_distance_m"))
    pixel = _number(geometry, "pixel_size_m")
    posed_detector = posed(replace(posed_detector, pixel_size_m=(pixel, pixel)), known)
    frames = file["frames"]
    posed_detector, mask = fitted(frames, posed_detector, gaps, None, known)
    angles = {
        circle: _circle(file, motor, len(frames), known.get(circle))
        for circle, motor in line.motors.items()
    }  # fmt: skip
    intensity, measured, flags = read_frames(frames, whole=True)
    counts = checked_counts(f"{path}::/frames", intensity, mask, measured, posed_detector.saturation_counts)
    monitor = file["monitor"][()].astype(float) if "monitor" in file and len(file["monitor"]) == len(frames) else None
    curve = RockingCurve(
        name=path.stem,
        intensity=counts.intensity,
        mask=counts.mask,
        measured=counts.measured,
        angles_deg=angles,
        energy_eV=known.get("energy_eV") or _number(geometry, "energy_eV"),
        detector=posed_detector,
        diffractometer=line.diffractometer,
        exposure_s=known.get("exposure_s") or (float(file["count_time_s"][()]) if "count_time_s" in file else None),
        monitor=monitor,
        flags=(*flags, *counts.flags),
        corrections=seen_through(line.corrections(detector or DETECTOR), window(known, None), posed_detector.shape_px),
    )
    return checked_angles(curve)


def _circle(file: h5py.File, motor: str, n: int, override: float | None) -> np.ndarray:
    """Positions in deg: MOTOR_deg of the file for the scanned circle, geometry/MOTOR_deg for those that stand still."""
    if override is not None:
        return np.full(n, override)
    for place in (f"{motor}_deg", f"geometry/{motor}_deg"):
        if place in file:
            values = np.asarray(file[place][()], np.float64)
            if values.ndim == 0:
                return np.full(n, float(values))
            if values.shape != (n,):
                raise BadInput(
                    f"{file.filename}::/{place}: {len(values)} positions for {n} frames; each frame needs one"
                )
            return values
    raise BadInput(f"{file.filename}: no position of '{motor}' (geometry/{motor}_deg); give --set {motor}=DEG")


def _number(geometry: h5py.Group, name: str) -> float:
    if name not in geometry:
        raise BadInput(f"{geometry.file.filename}::{geometry.name}: has no {name}; add it to the file")
    return float(geometry[name][()])
