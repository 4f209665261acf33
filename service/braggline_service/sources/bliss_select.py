"""Which scan of a BLISS file, and which of its detectors: found by themselves where there is one choice."""

from __future__ import annotations

from collections.abc import Iterable

import h5py
import numpy as np

from braggline_models.errors import BadInput
from braggline_service.beamlines import Beamline
from braggline_service.sources.bliss_energy import scanned_energies
from braggline_service.sources.edf_stack import edf_stack


def named_entry(file: h5py.File, entry: str) -> h5py.Group:
    """The entry of that name; '20' stands for '20.1'. BadInput lists them."""
    for name in (entry.strip("/"), f"{entry.strip('/')}.1"):
        if isinstance(file.get(name), h5py.Group):
            return file[name]
    raise BadInput(f"{file.filename}: no entry '{entry}'; there are {_listed(_entries(file))}")


def find_entry(file: h5py.File, entry: str | None, line: Beamline) -> h5py.Group:
    """The entry of that name, or the only rocking scan with images. BadInput lists them."""
    if entry is not None:
        return named_entry(file, entry)
    entries = _entries(file)
    rocking = [name for name in entries if images(file[name]) and is_rocking(file[name], line)]
    if len(rocking) == 1:
        return file[rocking[0]]
    if rocking:
        raise BadInput(f"{file.filename}: {len(rocking)} rocking scans; give --entry, one of {_listed(rocking)}")
    if len(entries) == 1:
        return file[entries[0]]  # what is wrong with it is told by who reads it
    circles = ", ".join(line.motors[c.name] for c in line.diffractometer.sample_circles)
    raise BadInput(
        f"{file.filename}: no scan of {circles} with an image detector; give --entry or --beamline; "
        f"there are {_listed(entries)}"
    )


def find_arm_scan(file: h5py.File, line: Beamline) -> h5py.Group:
    """The only scan with images that moves the detector's arm. BadInput lists them."""
    entries = _entries(file)
    circles = [line.motors[c.name] for c in line.diffractometer.detector_circles]
    found = [name for name in entries if images(file[name]) and any(_moves(file[name], motor) for motor in circles)]
    if len(found) == 1:
        return file[found[0]]
    if found:
        raise BadInput(
            f"{file.filename}: {len(found)} scans move the arm; give --entry, one or more of {_listed(found)}"
        )
    raise BadInput(
        f"{file.filename}: no detector circle ({', '.join(circles) or 'none is configured'}) moves in a scan with an "
        f"image detector; give a scan of the direct beam, or --beamline; there are {_listed(entries)}"
    )


def find_detector(entry: h5py.Group, detector: str | None, line: Beamline) -> str:
    """The name of the detector group in the file, by its own name or a configured alias. BadInput lists them."""
    found = images(entry)
    if not found:
        raise BadInput(f"{_place(entry)}: no image detector in measurement; was the detector enabled in the scan?")
    if detector is None:
        if len(found) == 1:
            return found[0]
        known = [name for name in found if _is_known(name, line)]
        if len(known) == 1:
            return known[0]
        raise BadInput(f"{_place(entry)}: {len(found)} image detectors; give --detector, one of {_listed(found)}")
    if detector in found:
        return detector
    wanted = line.detector_name(detector)
    same = [name for name in found if _is_known(name, line) and line.detector_name(name) == wanted]
    if len(same) != 1:
        raise BadInput(f"{_place(entry)}: no detector '{detector}' in this scan; there are {_listed(found)}")
    return same[0]


def images(entry: h5py.Group) -> list[str]:
    """Names in measurement that hold frames, those whose link leads nowhere included, and detectors saved as EDF."""
    measurement, instrument = entry.get("measurement"), entry.get("instrument")
    if not isinstance(measurement, h5py.Group):
        return []
    found = [name for name in measurement if _is_image(entry, name)]
    others = [name for name in instrument if name not in measurement] if isinstance(instrument, h5py.Group) else []
    return found + [name for name in others if edf_stack(entry, name) is not None]


def is_rocking(entry: h5py.Group, line: Beamline) -> bool:
    """True where a sample circle, or the energy, has more than one position in this scan."""
    return circle_moves(entry, line) or scanned_energies(entry, line) is not None


def circle_moves(entry: h5py.Group, line: Beamline) -> bool:
    """True where a sample circle has more than one position in this scan."""
    return any(_moves(entry, line.motors[c.name]) for c in line.diffractometer.sample_circles)


def positions(entry: h5py.Group, motor: str) -> np.ndarray | None:
    """Positions of `motor`, an array where it was scanned; None where the scan does not tell them."""
    dataset = position_dataset(entry, motor)
    return None if dataset is None else np.asarray(dataset[()], np.float64)


def position_dataset(entry: h5py.Group, motor: str) -> h5py.Dataset | None:
    """Where the scan has the positions of `motor`: never positioners_start, which is not where the scan starts."""
    found = [
        entry.get(path)
        for path in (f"instrument/positioners/{motor}", f"instrument/{motor}/value", f"measurement/{motor}")
    ]
    found = [d for d in found if isinstance(d, h5py.Dataset) and d.dtype.kind in "iuf"]
    return max(found, key=lambda d: d.ndim, default=None)


def link_target(entry: h5py.Group, name: str) -> str:
    """The file that the link of a detector leads to, followed as far as there are links."""
    place: h5py.Group | None = entry.get("measurement")
    path = name
    for _ in range(8):
        link = place.get(path, getlink=True) if place is not None else None
        if isinstance(link, h5py.ExternalLink):
            return str(link.filename)
        if not isinstance(link, h5py.SoftLink):
            break
        parent, _, path = link.path.rpartition("/")
        place = entry.file.get(parent) if parent.startswith("/") else place.get(parent or ".") if place else None
    return "?"


def _entries(file: h5py.File) -> list[str]:
    return [name for name in file if isinstance(file.get(name), h5py.Group)]


def _moves(entry: h5py.Group, motor: str) -> bool:
    values = positions(entry, motor)
    return values is not None and values.size > 1 and float(np.ptp(values)) > 0


def _is_image(entry: h5py.Group, name: str) -> bool:
    dataset = entry["measurement"].get(name)
    if dataset is None:  # a dangling link: an image's if it leads to another file, or if the instrument says so
        kind = entry.get(f"instrument/{name}/type")
        lima = isinstance(kind, h5py.Dataset) and h5py.check_string_dtype(kind.dtype) and kind.asstr()[()] == "lima"
        return link_target(entry, name) != "?" or bool(lima)
    return isinstance(dataset, h5py.Dataset) and dataset.ndim == 3


def _is_known(name: str, line: Beamline) -> bool:
    names = (alias for known, config in line.detectors.items() for alias in (known, *config.aliases))
    return name.lower() in (alias.lower() for alias in names)


def _place(entry: h5py.Group) -> str:
    return f"{entry.file.filename}::{entry.name}"


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    shown = ", ".join(names[:12]) or "none"
    return f"{shown}, ... ({len(names)} in all)" if len(names) > 12 else shown
