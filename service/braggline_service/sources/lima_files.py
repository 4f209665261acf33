"""Frames in the HDF5 and EDF files that Lima writes, read while it may still be writing them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from braggline_service.messages import Reference, Roi
from braggline_service.sources.edf import is_edf, read_edf
from braggline_service.sources.hdf5_file import is_written, open_shared

logger = logging.getLogger(__name__)
Image = NDArray[np.generic]


def read_references(references: Iterable[Reference], most: int) -> dict[Reference, Image]:
    """The frames, at most `most`, that their files give now: each file is opened once, without a lock.

    What is absent from the answer is not there yet: Lima's file can be unreadable until it is closed, and HDF5 hands
    out zeros for a frame that was announced and not written. Ask again.
    """
    by_file: dict[str, list[Reference]] = {}
    for reference in references:
        by_file.setdefault(reference.file, []).append(reference)
    found: dict[Reference, Image] = {}
    for file, wanted in by_file.items():
        for reference, image in _read_file(file, wanted):
            found[reference] = image
            if len(found) >= most:
                return found
    return found


def read_reference(reference: Reference) -> Image | None:
    """The frame at `reference`, or None if its file does not give it now."""
    return read_references([reference], 1).get(reference)


def cut(image: Image, roi_px: Roi | None) -> Image:
    """The part (row start, row stop, column start, column stop) of a frame (rows, columns)."""
    if roi_px is None:
        return np.asarray(image)
    row0, row1, column0, column1 = roi_px
    return np.asarray(image[row0:row1, column0:column1])


def _read_file(path: str, wanted: list[Reference]) -> Iterator[tuple[Reference, Image]]:
    try:
        if is_edf(path):
            by_index = {reference.index: reference for reference in wanted}
            for index, image in read_edf(Path(path), by_index):
                yield by_index[index], cut(image, by_index[index].roi_px)
            return
        with open_shared(path) as file:
            for reference in wanted:
                dataset = file.get(reference.dataset)
                if isinstance(dataset, h5py.Dataset) and dataset.ndim == 3 and is_written(dataset, reference.index):
                    yield reference, cut(dataset[reference.index], reference.roi_px)
    except (OSError, KeyError, RuntimeError) as error:  # a file in the making fails in all of these ways
        logger.debug("%s cannot be read now: %s", path, error)
