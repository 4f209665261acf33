"""Frames of EDF files, also while Lima writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.generic]
SUFFIXES = (".edf", ".edf.gz")


def is_edf(name: str) -> bool:
    """By its name."""
    return name.lower().endswith(SUFFIXES)


def read_edf(path: Path, indices: Iterable[int]) -> Iterator[tuple[int, Image]]:
    """(index, frame (rows, columns)) of those `indices` that are there to their last byte; the file is opened once.

    OSError where it is no EDF file, or has no whole header yet.
    """
    import fabio

    with fabio.open(str(path)) as file:
        for index in indices:
            if index < file.nframes and not (frame := file.get_frame(index)).incomplete_data:
                yield index, np.asarray(frame.data)


def frames_of_edf(path: Path) -> int:
    """How many whole frames it holds; 0 where it cannot be read (yet)."""
    import fabio

    try:
        with fabio.open(str(path)) as file:
            return int(file.nframes) - int(file.get_frame(file.nframes - 1).incomplete_data)
    except OSError:
        return 0
