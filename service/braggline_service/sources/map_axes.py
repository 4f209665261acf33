"""The two motors of a BLISS mesh scan, and where each point was."""

from __future__ import annotations

import re
from dataclasses import dataclass

import h5py
import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_service.sources.bliss_detector import METERS
from braggline_service.sources.bliss_select import images

SCANNERS = ("pix", "piy", "piz")  # ID01's piezo stage
READ_BACK = "_position"  # ends the counter with which a scan on the fly records where a motor was
LIKE_A_MESH = re.compile(r"mesh|sxdm|kmap")  # titles of ID01's maps (sxdm.io.bliss of id01-sxdm-utils, MIT)


@dataclass(frozen=True)
class MapAxes:
    """names of the motors, first the fast one;  positions_m (n, 2);  step_m (fast, slow), None where no title tells;
    points  that the title promises, 0 where it does not."""

    names: tuple[str, str]
    positions_m: NDArray[np.float64]
    step_m: tuple[float, float] | None
    points: int
    flags: tuple[str, ...]


def find_map(file: h5py.File) -> h5py.Group:
    """The only scan of the file with images and two scanned piezo motors. BadInput lists them."""
    found = [name for name in file if isinstance(file.get(name), h5py.Group) and _is_map(file[name])]
    if len(found) == 1:
        return file[found[0]]
    if found:
        raise BadInput(f"{file.filename}: {len(found)} maps; give --entry, one of {', '.join(found[:12])}")
    raise BadInput(
        f"{file.filename}: no map: no scan with an image detector moves two of {', '.join(SCANNERS)}; give --entry "
        "and --axes, such as --axes pix,piy"
    )


def map_axes(scan: h5py.Group, axes: tuple[str, str] | None) -> MapAxes:
    """Positions of the two motors of this map. BadInput where it has none, or they say nothing of a length."""
    names = axes or _scanned(scan)
    if names is None:
        raise BadInput(
            f"{scan.file.filename}::{scan.name}: no two of {', '.join(SCANNERS)} move in this scan; give --axes"
        )
    values, flags = [], []
    for name in names:
        meters, flag = _positions_m(scan, name)
        values.append(meters)
        flags += flag
    if len(values[0]) != len(values[1]):
        what = f"{len(values[0])} positions of {names[0]}, {len(values[1])} of {names[1]}"
        if "end_time" in scan:
            raise BadInput(f"{scan.file.filename}::{scan.name}: {what}; each point needs both; mend the file")
    n = min(len(value) for value in values)
    step, points = _planned(_title(scan), names, [_unit_m(scan, name)[0] for name in names])
    return MapAxes(names, np.stack([value[:n] for value in values], axis=1), step, points, tuple(flags))


def _is_map(scan: h5py.Group) -> bool:
    return bool(images(scan)) and _scanned(scan) is not None


def _scanned(scan: h5py.Group) -> tuple[str, str] | None:
    """The scanners that move, in the title's order: a mesh names the fast one first."""
    moving = [name for name in SCANNERS if _moves(scan, name)]
    title = _title(scan)
    if LIKE_A_MESH.search(title):
        words = re.findall(r"[A-Za-z_]\w*", title)
        moving = sorted(moving, key=lambda name: words.index(name) if name in words else len(words))
    return (moving[0], moving[1]) if len(moving) >= 2 else None


def _moves(scan: h5py.Group, name: str) -> bool:
    dataset = _dataset(scan, name)
    return dataset is not None and dataset.size > 1 and float(np.ptp(dataset[()])) > 0


def _dataset(scan: h5py.Group, name: str) -> h5py.Dataset | None:
    """What was read back goes before what was asked for."""
    names = (f"{name}{READ_BACK}", name)
    paths = [f"{place}/{n}" for n in names for place in ("measurement", "instrument/positioners")]
    found = [scan.get(path) for path in (*paths, f"instrument/{name}/value")]
    good = [d for d in found if isinstance(d, h5py.Dataset) and d.dtype.kind in "iuf" and d.ndim == 1]
    return good[0] if good else None


def _positions_m(scan: h5py.Group, name: str) -> tuple[NDArray[np.float64], list[str]]:
    dataset = _dataset(scan, name)
    if dataset is None:
        raise BadInput(f"{scan.file.filename}::{scan.name}: no positions of '{name}' for each point; give other --axes")
    unit, flags = _unit_m(scan, name)
    return np.asarray(dataset[()], np.float64) * unit, flags


def _unit_m(scan: h5py.Group, name: str) -> tuple[float, list[str]]:
    """Of the positions, or of the positioner where the counter beside it tells none."""
    for path in (f"measurement/{name}{READ_BACK}", f"measurement/{name}", f"instrument/positioners/{name}"):
        dataset = scan.get(path)
        told = dataset.attrs.get("units") if isinstance(dataset, h5py.Dataset) else None
        if told is not None:
            unit = told.decode() if isinstance(told, bytes) else str(told)
            if unit not in METERS:
                raise BadInput(f"{scan.file.filename}::{scan.name}/{path}: '{unit}' is no length; give other --axes")
            return METERS[unit], []
    return METERS["um"], [f"positions of '{name}' are taken in um: the file tells no unit"]


def _title(scan: h5py.Group) -> str:
    title = scan.get("title")
    known = isinstance(title, h5py.Dataset) and h5py.check_string_dtype(title.dtype)
    return str(title.asstr()[()]) if known else ""


def _planned(title: str, names: tuple[str, str], units_m: list[float]) -> tuple[tuple[float, float] | None, int]:
    """Steps and points of 'amesh fast start stop intervals slow start stop intervals time': Bliss counts intervals."""
    steps, points = [], 1
    for name, unit in zip(names, units_m, strict=True):
        number = r"(-?[\d.]+(?:[eE][-+]?\d+)?)"
        found = re.search(rf"[ad]mesh\b.*?\b{name}\s+{number}\s+{number}\s+(\d+)", title)
        if found is None or int(found[3]) == 0:
            return None, 0
        steps.append(abs(float(found[2]) - float(found[1])) / int(found[3]) * unit)
        points *= int(found[3]) + 1
    return ((steps[0], steps[1]), points) if all(step > 0 for step in steps) else (None, 0)
