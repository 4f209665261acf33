"""A rocking scan in a BLISS NeXus file, as ID01 writes them: N.1/measurement/DETECTOR, N.1/instrument/positioners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from braggline_models.errors import BadInput
from braggline_models.scan import BoolArray, Detector, FloatArray, RockingCurve
from braggline_service.beamlines import Beamline
from braggline_service.sources.frames import frames_present

UNITS_M = {"m": 1.0, "mm": 1e-3, "um": 1e-6}


def read(
    file: h5py.File,
    path: Path,
    beamline: Beamline,
    entry: str | None,
    detector: str | None,
    given: Mapping[str, float],
) -> RockingCurve:
    """The scan `entry` as seen by `detector`; each is found by itself where only one fits."""
    name = entry or _only_entry(file, path, beamline)
    if name not in file:
        raise BadInput(f"{path}: no entry '{name}'; it holds {_some(file)}; give one with --entry")
    scan = file[name]
    camera = _detector_name(scan, path, name, detector)
    frames = scan[f"measurement/{camera}"]
    where = f"{path.name}::/{name}/measurement/{camera}"
    if len(frames) < 2:
        raise BadInput(f"{where}: {len(frames)} frame(s); a rocking curve needs at least 5")
    present = frames_present(frames, path, where)
    pose, mask = _detector(scan, beamline, camera, frames.shape[1:])
    return RockingCurve(
        name=f"{path.stem}_{name}",
        intensity=frames[...],
        mask=mask,
        measured=present,
        angles_deg=_angles(scan, beamline, len(frames), given, f"{path.name}::/{name}"),
        energy_eV=given.get("energy_eV") or _energy_eV(scan, beamline, f"{path.name}::/{name}"),
        detector=pose,
        diffractometer=beamline.diffractometer,
        exposure_s=_exposure_s(scan),
        monitor=_monitor(scan, beamline, len(frames)),
    )


def _only_entry(file: h5py.File, path: Path, beamline: Beamline) -> str:
    """The one entry with images in which a sample circle moves."""
    found = [name for name in file if _is_rocking(file[name], beamline)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadInput(f"{path}: no rocking scan with images among {_some(file)}; give one with --entry")
    raise BadInput(f"{path}: {len(found)} rocking scans: {', '.join(found[:10])}; give one with --entry")


def _is_rocking(scan: h5py.Group, beamline: Beamline) -> bool:
    if not isinstance(scan, h5py.Group) or not _images(scan):
        return False
    moved = [f"instrument/positioners/{beamline.motors[c.name]}" for c in beamline.diffractometer.sample_circles]
    return any(path in scan and np.ndim(scan[path]) == 1 for path in moved)


def _images(scan: h5py.Group) -> list[str]:
    group = scan.get("measurement")
    if not isinstance(group, h5py.Group):
        return []
    return [name for name in group if isinstance(group.get(name), h5py.Dataset) and group[name].ndim == 3]


def _detector_name(scan: h5py.Group, path: Path, entry: str, wanted: str | None) -> str:
    images = _images(scan)
    if wanted is not None and wanted in images:
        return wanted
    if wanted is not None or not images:
        raise BadInput(f"{path}::/{entry}: no images of '{wanted or 'a detector'}'; it has {images or 'none'}")
    if len(images) > 1:
        raise BadInput(f"{path}::/{entry}: images of {', '.join(images)}; give one with --detector")
    return images[0]


def _detector(scan: h5py.Group, beamline: Beamline, camera: str, shape: tuple[int, int]) -> tuple[Detector, BoolArray]:
    """The configured detector, what the file knows of its pose on top; the file's own mask beside the gaps."""
    detector, mask = beamline.detector(camera)
    if detector.shape_px != tuple(shape):
        raise BadInput(
            f"detector '{camera}': frames of {tuple(shape)}, configured are {detector.shape_px}; mend the file"
        )
    known = scan.get(f"instrument/{camera}")
    if known is None:
        return detector, mask
    values = {key: _length(known, key) for key in ("distance", "y_pixel_size", "x_pixel_size")}
    center = [known.get("beam_center_y"), known.get("beam_center_x")]
    if values["distance"]:
        detector = replace(detector, distance_m=values["distance"])
    if values["y_pixel_size"] and values["x_pixel_size"]:
        detector = replace(detector, pixel_size_m=(values["y_pixel_size"], values["x_pixel_size"]))
    if all(c is not None for c in center):
        detector = replace(detector, beam_center_px=(float(center[0][()]), float(center[1][()])))
    if "pixel_mask" in known and known["pixel_mask"].shape == mask.shape:
        mask = mask | (known["pixel_mask"][...] != 0)
    return detector, mask


def _length(group: h5py.Group, key: str) -> float:
    if key not in group:
        return 0.0
    return float(group[key][()]) * UNITS_M.get(str(group[key].attrs.get("units", "m")), 1.0)


def _angles(
    scan: h5py.Group, beamline: Beamline, n: int, given: Mapping[str, float], where: str
) -> Mapping[str, FloatArray]:
    angles = {}
    for circle, motor in beamline.motors.items():
        if circle in given:
            angles[circle] = np.full(n, float(given[circle]))
            continue
        path = f"instrument/positioners/{motor}"
        if path not in scan:
            raise BadInput(f"{where}/{path}: no position of circle '{circle}'; give --set {circle}=DEG")
        values = np.asarray(scan[path][...], np.float64)
        if values.ndim and len(values) != n:
            raise BadInput(f"{where}/{path}: {len(values)} positions for {n} frames; each frame needs one")
        angles[circle] = values if values.ndim else np.full(n, float(values))
    return angles


def _energy_eV(scan: h5py.Group, beamline: Beamline, where: str) -> float:
    for source in beamline.energy:
        path = source.path if source.path.startswith("instrument/") else f"instrument/{source.path}"
        if path in scan and np.isfinite(value := float(np.mean(scan[path][()]))) and value > 0:
            return value * source.eV_per_unit
    tried = ", ".join(source.path for source in beamline.energy)
    raise BadInput(f"{where}: no energy (looked for {tried}); give --set energy_eV=EV")


def _exposure_s(scan: h5py.Group) -> float | None:
    if "measurement/acq_time" in scan:
        return float(np.median(scan["measurement/acq_time"][...]))
    title = scan["title"][()].decode().split() if "title" in scan else []
    return float(title[-1]) if title and title[0] in ("ascan", "dscan") and len(title) >= 6 else None


def _monitor(scan: h5py.Group, beamline: Beamline, n: int) -> FloatArray | None:
    """The first of the beamline's monitors that counts and moves."""
    for name in beamline.monitors:
        values = scan.get(f"measurement/{name}")
        if values is not None and values.shape == (n,) and np.ptp(values[...]) > 0:
            return np.asarray(values[...], np.float64)
    return None


def _some(file: h5py.File) -> str:
    names = list(file)
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "") if names else "nothing"
