"""/entry_1/statistics: numbers of the strain by place in the crystal (surface, bulk, all)."""

from __future__ import annotations

from collections.abc import Mapping

import h5py
import numpy as np

from braggline_service.nexus.groups import group, scalar
from braggline_service.nexus.scan_result import ScanResult

LATTICE, SPACING = "lattice_parameter_mean_m", "d_spacing_mean_m"
UNITS = {"_m": "m", "_deg": "deg", "_rad": "rad", "_m2": "m^2", "_m3": "m^3"}


def unit_of(key: str) -> str:
    """The unit that a key's last part names; '' where it names none."""
    return next((unit for end, unit in UNITS.items() if key.endswith(end)), "")


def told_statistics(result: ScanResult) -> dict[str, dict[str, float]]:
    """result.statistics, with the mean lattice parameter (m) of each place where the reflection is known."""
    told = {where: dict(values) for where, values in result.statistics.items()}
    ratio, spacing = result.lattice_per_spacing, result.strain.d_spacing_m[result.strain.support]
    if ratio is None:
        return told
    if "all" not in told and np.isfinite(spacing).any():
        told["all"] = {LATTICE: float(np.nanmean(spacing, dtype=np.float64)) * ratio}
    for values in told.values():
        if SPACING in values:
            values.setdefault(LATTICE, values[SPACING] * ratio)
    return told


def write_statistics(place: h5py.Group, result: ScanResult) -> None:
    """A group a place, a number a key; what is worked out here and not given is marked `derived`."""
    for where, values in told_statistics(result).items():
        column = group(place, where, "NXcollection")
        column.attrs["derived"] = where not in result.statistics
        for key, value in values.items():
            scalar(column, key, value, unit_of(key))
            column[key].attrs["derived"] = key not in result.statistics.get(where, {})


def read_statistics(place: h5py.Group) -> Mapping[str, Mapping[str, float]]:
    """The given ones, as they were."""
    return {
        where: {key: float(value[()]) for key, value in column.items() if not value.attrs["derived"]}
        for where, column in place.items()
        if not column.attrs["derived"]
    }
