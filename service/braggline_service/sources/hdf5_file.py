"""HDF5 files that another program may be writing: opened without locks, and told apart from broken ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  registers the filters that detectors compress with

from braggline_models.errors import BadInput

TRIES = 5  # of a file that changes while we look at it
PAUSE_S = 0.2


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """`path` open for reading, locking off; tried again while it is growing. BadInput says why it cannot be read."""
    if not path.exists():
        raise BadInput(f"{path}: no such file; check the path")
    if path.is_dir():
        raise BadInput(f"{path}: is a folder; give an HDF5 file in it")
    file = _open(path)
    try:
        yield file
    except OSError as error:
        raise BadInput(
            f"{path}: cannot be read to its end ({_short(error)}): truncated, or still being written; "
            "wait for the scan to end, or copy the file again"
        ) from error
    finally:
        file.close()


def _open(path: Path) -> h5py.File:
    for attempt in range(TRIES):
        before = _state(path)
        try:
            return h5py.File(path, "r", locking=False)
        except OSError as error:
            last = error
        if attempt + 1 < TRIES:
            time.sleep(PAUSE_S)
            if _state(path) == before:
                break
    raise BadInput(f"{path}: {_why(path, last)}") from last


def _why(path: Path, error: OSError) -> str:
    text = str(error)
    if path.stat().st_size == 0:
        return "is empty; wait until the scan has written it, or copy it again"
    if "truncated" in text or "eof" in text:
        return "is truncated or half written; wait for the scan to end, or copy the file again"
    if "signature not found" in text:
        return "is not an HDF5 file; give the scan's NeXus file"
    return f"cannot be opened as HDF5 ({_short(error)}); wait for the scan to end, or copy the file again"


def _short(error: OSError) -> str:
    return " ".join(str(error).split())[:160]


def _state(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
