"""The few ways in which groups and datasets of a result are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import h5py
from numpy.typing import NDArray

# gzip is what every HDF5 can read; level 1 is within 3 % of level 4's size on these maps, in a third of its time
PACKED: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


def group(parent: h5py.Group, name: str, nx_class: str, **attributes: str) -> h5py.Group:
    """A new group of a NeXus class."""
    made = parent.create_group(name)
    made.attrs["NX_class"] = nx_class
    made.attrs.update(attributes)
    return made


def axis(place: h5py.Group, name: str, values: NDArray[Any], units: str) -> None:
    """A coordinate (n,) with its units."""
    place.create_dataset(name, data=values).attrs["units"] = units


def texts(place: h5py.Group, name: str, values: Sequence[str]) -> None:
    """A list of strings, maybe empty."""
    place.create_dataset(name, data=list(values), shape=(len(values),), dtype=h5py.string_dtype())


def scalar(place: h5py.Group, name: str, value: float, units: str = "") -> None:
    """One number with its units."""
    place.create_dataset(name, data=value).attrs["units"] = units
