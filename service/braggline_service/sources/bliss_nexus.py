"""A rocking scan of a BLISS NeXus file: N.1/{title, measurement, instrument}."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from braggline_models.errors import BadInput
from braggline_models.scan import FloatArray, RockingCurve
from braggline_service.beamlines import Beamline, load_beamline
from braggline_service.settings import load_settings
from braggline_service.sources.angles import checked_angles
from braggline_service.sources.bliss_detector import detector_of_file, pixel_mask, roi_of_file
from braggline_service.sources.bliss_energy import energy_eV, scanned_energies
from braggline_service.sources.bliss_select import (
    circle_moves,
    find_detector,
    find_entry,
    link_target,
    position_dataset,
)
from braggline_service.sources.bliss_values import exposure_s, monitor, transmission
from braggline_service.sources.counts import checked_counts
from braggline_service.sources.edf_stack import edf_stack
from braggline_service.sources.overrides import checked_overrides, detector_overrides, posed, seen_through, window
from braggline_service.sources.pixels import Stack, checked_stack, fitted, place, read_frames

ABORTED = ("USER_ABORT", "FAILURE", "DELETED")


def read(
    file: h5py.File, entry: str | None, detector: str | None, beamline: str | None, overrides: dict[str, float | str]
) -> RockingCurve:
    """One scan of the file. BadInput as `read_scan` says."""
    line = load_beamline(beamline or load_settings().beamline)
    known = checked_overrides(overrides, line.diffractometer.circle_names)
    scan = find_entry(file, entry, line)
    name = find_detector(scan, detector, line)
    line = line.tuned(name, detector_overrides(overrides))
    frames = frames_of(scan, name)
    configured, gaps = line.detector(name)
    group = scan.get(f"instrument/{name}", scan)
    pose, pose_flags = detector_of_file(group, configured, frames.dtype)
    at = window(known, roi_of_file(group))
    pose, mask = fitted(frames, posed(pose, known), gaps, at, known)
    unfinished = unfinished_because(scan)
    n = frame_count(scan, frames, line, known, whole=not unfinished)
    angles = _angles(scan, line, known, n)
    energy, energies = energy_eV(scan, line, known, n, circle_moves(scan, line))
    intensity, measured, frame_flags = read_frames(frames, not unfinished, n)
    mask |= pixel_mask(group, pose.shape_px, at)
    counts = checked_counts(place(frames), intensity, mask, measured, pose.saturation_counts)
    monitored, monitor_flags = monitor(scan, line, n)
    expected = _expected(group, n)
    told = [f"{unfinished}: {n} of {expected} frames"] if unfinished or expected > n else []
    curve = RockingCurve(
        name=f"{Path(file.filename).stem}_{scan.name.strip('/')}",
        intensity=counts.intensity,
        mask=counts.mask,
        measured=counts.measured,
        angles_deg=angles,
        energy_eV=energy,
        detector=pose,
        diffractometer=line.diffractometer,
        exposure_s=known.get("exposure_s") or exposure_s(scan, name),
        monitor=monitored,
        flags=(*told, *pose_flags, *frame_flags, *counts.flags, *monitor_flags),
        energies_eV=energies,
        corrections=seen_through(line.corrections(name), at, pose.shape_px),
        transmission=transmission(scan, line, n),
    )
    return checked_angles(curve)


def frames_of(scan: h5py.Group, name: str) -> Stack:
    """The stack of detector `name`. BadInput where it, or the file that it is in, is absent."""
    dataset = edf_stack(scan, name) or scan["measurement"].get(name)
    if not isinstance(dataset, Stack):
        target = link_target(scan, name)
        what = (
            f"the file of its frames, {target}, is absent; copy it there with the scan"
            if target != "?"
            else "no frame was saved; wait for the scan to end, or give another --entry"
        )
        raise BadInput(f"{scan.file.filename}::{scan.name}/measurement/{name}: {what}")
    checked_stack(dataset)
    return dataset


def unfinished_because(scan: h5py.Group) -> str:
    """'' for a scan that came to its end, else how it did not."""
    reason = scan.get("end_reason")
    text = reason.asstr()[()] if isinstance(reason, h5py.Dataset) and h5py.check_string_dtype(reason.dtype) else ""
    if text in ABORTED:
        return f"the scan was aborted ({text})"
    return "" if "end_time" in scan else "the scan has no end: still running, or cut off"


def frame_count(scan: h5py.Group, frames: Stack, line: Beamline, known: Mapping[str, float], whole: bool) -> int:
    """Frames that have a position. An unfinished scan may be one short in either; a whole one may not."""
    n = len(frames)
    for circle, motor in line.motors.items():
        dataset = position_dataset(scan, motor)
        if circle in known or dataset is None or dataset.ndim == 0 or dataset.size == 1:
            continue
        if whole and dataset.shape != (len(frames),):
            raise BadInput(
                f"{place(dataset)}: {dataset.shape[0]} positions for {len(frames)} frames; each frame needs one; "
                "give another --entry, or mend the file"
            )
        n = min(n, len(dataset) if whole else _filled(dataset))
    if not whole and not circle_moves(scan, line) and (scanned := scanned_energies(scan, line)):
        n = min(n, len(scanned[1]))
    if n < 2:
        raise BadInput(f"{place(frames)}: {n} frame(s) with a position; a rocking curve needs many")
    return n


def _filled(dataset: h5py.Dataset) -> int:
    """Positions that are there: one that grows is longer, by a moment, than what was written into it."""
    values = dataset[()]
    filled = np.flatnonzero(values != dataset.fillvalue)
    return int(filled[-1]) + 1 if len(filled) else len(values)  # a motor that rests at 0 tells nothing


def _angles(scan: h5py.Group, line: Beamline, known: Mapping[str, float], n: int) -> dict[str, FloatArray]:
    return {circle: positions_of(scan, circle, motor, known.get(circle), n) for circle, motor in line.motors.items()}


def positions_of(scan: h5py.Group, circle: str, motor: str, override: float | None, n: int) -> FloatArray:
    """(n,) of one circle in deg, by its motor or by the caller. BadInput where neither tells it."""
    dataset = position_dataset(scan, motor)
    if override is not None:
        if dataset is not None and dataset.size > 1 and float(np.ptp(dataset[()])) > 0:
            raise BadInput(f"--set {circle}: '{circle}' moves in this scan and has its own positions; leave it out")
        return np.full(n, override)
    if dataset is None:
        raise BadInput(
            f"{scan.file.filename}::{scan.name}/instrument/positioners: no '{motor}'; give --set {circle}=DEG"
        )
    values = np.asarray(dataset[()], np.float64)
    return np.full(n, float(values.ravel()[0])) if values.size == 1 else values[:n]


def _expected(group: h5py.Group, n: int) -> int:
    """Frames that the detector was prepared for."""
    dataset = group.get("acq_parameters/acq_nb_frames")
    return max(n, int(dataset[()])) if isinstance(dataset, h5py.Dataset) and dataset.size == 1 else n
