"""HDF5 files that another program may be writing: opened without locks, and told apart from broken ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import h5py
import hdf5plugin  # noqa: F401  registers the filters that detectors compress with

from braggline_models.errors import BadInput

T = TypeVar("T")
TRIES = 5  # of a file that changes while we look at it
PAUSE_S = 0.2
RECENT_S = 30.0  # a file that was changed so shortly ago is still being written


class HalfWritten(BadInput):
    """Read at a moment between two writes, or broken: look again if somebody writes."""


def read_growing(path: Path, read: Callable[[h5py.File], T]) -> T:
    """`read` of the open file; where it meets a half-written moment of a file that grows, once more, TRIES in all."""
    for attempt in range(TRIES):
        try:
            with opened(path) as file:
                return read(file)
        except HalfWritten:
            if attempt + 1 == TRIES or time.time() - path.stat().st_mtime > RECENT_S:
                raise
            time.sleep(PAUSE_S)
    raise AssertionError("not reached")


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
        raise HalfWritten(
            f"{path}: cannot be read to its end ({_short(error)}): truncated, or still being written; "
            "wait for the scan to end, or copy the file again"
        ) from error
    finally:
        file.close()


def open_shared(path: Path | str) -> h5py.File:
    """`path` for reading beside its writer: no lock, and as a SWMR reader where the writer is one of that kind."""
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if "already open" not in str(error):
            raise
        return h5py.File(path, "r", locking=False, swmr=True)


def is_written(dataset: h5py.Dataset, index: int) -> bool:
    """True where frame `index` has been stored: HDF5 hands out zeros for one that was announced only.

    Of a virtual dataset, or one of external storage, it is not known here, and taken to be so.
    """
    if index >= len(dataset):
        return False
    if dataset.chunks is not None:
        return dataset.id.get_chunk_info_by_coord((index, *(0,) * (dataset.ndim - 1))).byte_offset is not None
    if dataset.is_virtual or dataset.external or dataset.id.get_create_plist().get_layout() != h5py.h5d.CONTIGUOUS:
        return True
    return dataset.id.get_offset() is not None


def _open(path: Path) -> h5py.File:
    for attempt in range(TRIES):
        before = _state(path)
        try:
            return open_shared(path)
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
    if "already open" in text:
        return "is being written by a program that does not share it (no SWMR); wait for the scan to end"
    if "signature not found" in text:
        return "is not an HDF5 file; give the scan's NeXus file"
    return f"cannot be opened as HDF5 ({_short(error)}); wait for the scan to end, or copy the file again"


def _short(error: OSError) -> str:
    return " ".join(str(error).split())[:160]


def _state(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
