"""Stacks with holes: HDF5 hands out zeros, without a word, for every part whose source is absent or not written yet."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from braggline_models.scan import BoolArray
from braggline_service.sources.hdf5_file import HalfWritten, is_written, open_shared


def frames_present(dataset: h5py.Dataset) -> tuple[BoolArray, str]:
    """(n_frames,) True where the frame's source is really there; and the first thing that is missing, '' for none.

    A frame that nothing was mapped to, or that was announced and not written, counts as missing. The source may be
    absent, shorter than what is mapped, or without the dataset. BadInput where a source file is there and cannot be
    read.
    """
    present = np.zeros(len(dataset), bool)
    if not dataset.is_virtual:
        present[:] = [is_written(dataset, index) for index in range(len(dataset))]
        return present, "" if present.all() else f"frame {int(np.argmin(present))} was not written"
    missing = ""
    for source in dataset.virtual_sources():
        first, last = _frames(source.vspace, len(dataset))
        available, why = _available(dataset, source)
        present[first : min(last, first + available)] = True
        if available < last - first:
            missing = missing or why
    if not missing and not present.all():
        missing = f"no file holds frame {int(np.argmin(present))}"
    return present, missing


def _frames(space: h5py.h5s.SpaceID, n: int) -> tuple[int, int]:
    """The frames that a mapping covers in the virtual dataset; all of them where it is unlimited."""
    if space.get_select_type() == h5py.h5s.SEL_ALL:
        return 0, n
    start, stop = space.get_select_bounds()
    return int(start[0]), min(int(stop[0]) + 1, n)


def _available(dataset: h5py.Dataset, source: h5py._hl.vds.VDSmap) -> tuple[int, str]:
    """How many of the mapped frames the source holds, and what to say if it is too few."""
    if source.file_name == ".":
        return _held(dataset.file, source, dataset.file.filename)
    path = beside(Path(dataset.file.filename), source.file_name)
    if path is None:
        return 0, f"the file of its frames, {source.file_name}, is absent"
    try:
        with open_shared(path) as file:
            return _held(file, source, str(path))
    except OSError as error:
        raise HalfWritten(
            f"{dataset.file.filename}::{dataset.name}: the file of its frames, {path}, cannot be opened: truncated or "
            "half written; wait for the scan to end, or copy it again"
        ) from error


def _held(file: h5py.File, source: h5py._hl.vds.VDSmap, name: str) -> tuple[int, str]:
    held = file.get(source.dset_name)
    if not isinstance(held, h5py.Dataset):
        return 0, f"the file of its frames, {name}, has no {source.dset_name}"
    if source.src_space.get_select_type() == h5py.h5s.SEL_ALL:
        first, after = 0, len(held)
    else:
        start, stop = source.src_space.get_select_bounds()
        first, after = int(start[0]), int(stop[0]) + 1
    found = next((i for i in range(first, after) if not is_written(held, i)), after) - first
    return found, f"the file of its frames, {name}, holds {found} frames, {after - first} are mapped"


def beside(master: Path, name: str) -> Path | None:
    """Where HDF5 looks for a source: as named, else beside the file that maps it."""
    given = Path(name)
    candidates = [given] if given.is_absolute() else []
    candidates += [master.parent / given, master.resolve().parent / given]
    return next((path for path in candidates if path.is_file()), None)
