"""Frames in the HDF5 files that Lima writes, read while it may still be writing them."""

from __future__ import annotations

import time

import h5py
import hdf5plugin  # noqa: F401  registers the filters that detectors use
import numpy as np
from numpy.typing import NDArray

from braggline_service.messages import Reference

PAUSE_S = 0.25


def read_reference(reference: Reference, wait_s: float = 0.0) -> NDArray[np.generic] | None:
    """The frame at `reference`, or None if its file does not give it within `wait_s`.

    Lima's file can be unreadable until it is closed; that is a matter of time and no error.
    """
    deadline = time.monotonic() + wait_s
    while True:
        try:
            with h5py.File(reference.file, "r", locking=False) as file:
                dataset = file[reference.dataset]
                if reference.index < len(dataset):
                    return _cut(dataset[reference.index], reference)
        except (OSError, KeyError):
            pass  # not there or not whole yet: asked again until the deadline
        if time.monotonic() >= deadline:
            return None
        time.sleep(PAUSE_S)


def _cut(image: NDArray[np.generic], reference: Reference) -> NDArray[np.generic]:
    if reference.roi_px is None:
        return np.asarray(image)
    row0, row1, column0, column1 = reference.roi_px
    return np.asarray(image[row0:row1, column0:column1])
