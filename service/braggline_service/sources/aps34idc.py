"""A rocking curve of APS 34-ID-C repacked into one HDF5 file: frames, theta_deg, monitor, geometry/*."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from braggline_models.errors import BadInput
from braggline_models.scan import RockingCurve
from braggline_service.beamlines import Beamline

FIXED = {"chi": "chi_deg", "phi": "phi_deg", "delta": "delta_deg", "gamma": "gamma_deg"}


def read(file: h5py.File, path: Path, beamline: Beamline, given: Mapping[str, float]) -> RockingCurve:
    """The curve as it lies there. BadInput names the dataset that is missing or of the wrong length."""
    frames = file["frames"][...]
    n = len(frames)
    theta = np.asarray(_dataset(file, path, "theta_deg")[...], np.float64)
    if len(theta) != n:
        raise BadInput(f"{path}: theta_deg has {len(theta)} positions for {n} frames; each frame needs one")
    angles = {"theta": theta}
    for circle, name in FIXED.items():
        angles[circle] = np.full(n, float(given[circle]) if circle in given else _scalar(file, path, name))
    detector, mask = beamline.detector("timepix")
    if frames.shape[1:] != detector.shape_px:
        detector, mask = detector.cropped(0, 0, frames.shape[1:]), np.zeros(frames.shape[1:], bool)
    return RockingCurve(
        name=path.stem,
        intensity=frames,
        mask=mask,
        measured=np.ones(n, bool),
        angles_deg=angles,
        energy_eV=given.get("energy_eV") or _scalar(file, path, "energy_eV"),
        detector=detector,
        diffractometer=beamline.diffractometer,
        monitor=np.asarray(file["monitor"][...], np.float64) if "monitor" in file else None,
    )


def _scalar(file: h5py.File, path: Path, name: str) -> float:
    for known in (name, name.rsplit("_", 1)[0]):
        if f"geometry/{known}" in file:
            return float(file[f"geometry/{known}"][()])
    raise BadInput(f"{path}: no geometry/{name}; add it or give --set {name.removesuffix('_deg')}=VALUE")


def _dataset(file: h5py.File, path: Path, name: str) -> h5py.Dataset:
    if name not in file:
        raise BadInput(f"{path}: no dataset {name}; this layout needs frames, {name} and geometry/*")
    return file[name]
