"""A scan of the detector's arm through the direct beam, of a BLISS NeXus file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from braggline_models.scan import BoolArray, Detector, Diffractometer, FloatArray
from braggline_service.beamlines import Beamline, load_beamline
from braggline_service.settings import load_settings
from braggline_service.sources.bliss_detector import detector_of_file, pixel_mask, roi_of_file
from braggline_service.sources.bliss_nexus import frame_count, frames_of, positions_of, unfinished_because
from braggline_service.sources.bliss_select import find_arm_scan, find_detector, named_entry
from braggline_service.sources.counts import checked_counts
from braggline_service.sources.hdf5_file import opened
from braggline_service.sources.overrides import Overrides, checked_overrides, detector_overrides, posed, window
from braggline_service.sources.pixels import fitted, place, read_frames


@dataclass(frozen=True)
class ArmScan:
    """Frames of the direct beam and where the arm stood.

    intensity (n, n_rows, n_cols), mask (n_rows, n_cols) True: no data, measured (n,)
    angles_deg  (n,) of every detector circle;  detector, start_px: as configured, seen through the window that begins
    at this row and column of the whole detector
    """

    name: str
    beamline: str
    intensity: NDArray[np.generic]
    mask: BoolArray
    measured: BoolArray
    angles_deg: Mapping[str, FloatArray]
    detector: Detector
    start_px: tuple[int, int]
    diffractometer: Diffractometer
    flags: tuple[str, ...]


def read_arm_scan(
    path: Path,
    entry: str | None = None,
    detector: str | None = None,
    beamline: str | None = None,
    overrides: Overrides | None = None,
) -> ArmScan:
    """One scan of `path`, by default the only one in which a detector circle moves. BadInput as `read_scan` says."""
    line = load_beamline(beamline or load_settings().beamline)
    known = checked_overrides(dict(overrides or {}), line.diffractometer.circle_names)
    with opened(path) as file:
        scan = named_entry(file, entry) if entry is not None else find_arm_scan(file, line)
        name = find_detector(scan, detector, line)
        return _read(scan, line.tuned(name, detector_overrides(overrides or {})), name, known)


def _read(scan: h5py.Group, line: Beamline, name: str, known: Mapping[str, float]) -> ArmScan:
    frames = frames_of(scan, name)
    configured, gaps = line.detector(name)
    group = scan.get(f"instrument/{name}", scan)
    pose, flags = detector_of_file(group, configured, frames.dtype)
    pose, at = posed(pose, known), window(known, roi_of_file(group))
    seen, mask = fitted(frames, pose, gaps, at, known)
    unfinished = unfinished_because(scan)
    n = frame_count(scan, frames, line, known, whole=not unfinished)
    circles = [c.name for c in line.diffractometer.detector_circles]
    angles = {c: positions_of(scan, c, line.motors[c], known.get(c), n) for c in circles}
    intensity, measured, frame_flags = read_frames(frames, not unfinished, n)
    mask |= pixel_mask(group, seen.shape_px, at)
    counts = checked_counts(place(frames), intensity, mask, measured, seen.saturation_counts)
    finite = np.all([np.isfinite(angles[c]) for c in circles], axis=0)
    return ArmScan(
        name=f"{Path(scan.file.filename).stem}_{scan.name.strip('/')}",
        beamline=line.name,
        intensity=counts.intensity,
        mask=counts.mask,
        measured=counts.measured & finite,
        angles_deg=angles,
        detector=seen,
        start_px=(at.row, at.column) if at else (0, 0),
        diffractometer=line.diffractometer,
        flags=(*([unfinished] if unfinished else []), *flags, *frame_flags, *counts.flags),
    )
