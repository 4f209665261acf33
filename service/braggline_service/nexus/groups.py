"""The few ways in which groups and small datasets of a result are made and read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import h5py
from numpy.typing import NDArray


def group(parent: h5py.Group, name: str, nx_class: str, **attributes: str) -> h5py.Group:
    """A new group of a NeXus class, its members in the order they are written."""
    made = parent.create_group(name, track_order=True)
    made.attrs["NX_class"] = nx_class
    made.attrs.update(attributes)
    return made


def axis(place: h5py.Group, name: str, values: NDArray[Any], units: str) -> None:
    """A coordinate (n,), or a column of a table (n, ...), with its units."""
    place.create_dataset(name, data=values).attrs["units"] = units


def texts(place: h5py.Group, name: str, values: Sequence[str]) -> None:
    """A list of strings, maybe empty."""
    place.create_dataset(name, data=list(values), shape=(len(values),), dtype=h5py.string_dtype())


def scalar(place: h5py.Group, name: str, value: float, units: str = "") -> None:
    """One number with its units."""
    place.create_dataset(name, data=value).attrs["units"] = units


def read_text(dataset: h5py.Dataset) -> str:
    """One string."""
    return str(dataset.asstr()[()])


def read_texts(dataset: h5py.Dataset) -> tuple[str, ...]:
    """A list of strings."""
    return tuple(str(text) for text in dataset.asstr()[()])
