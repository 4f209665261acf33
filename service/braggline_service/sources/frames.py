"""Which frames of a dataset are really there.

HDF5 hands out zeros, without a word, where the source file of a virtual dataset is absent or short.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from braggline_models.errors import BadInput
from braggline_models.scan import BoolArray


def frames_present(frames: h5py.Dataset, path: Path, where: str) -> BoolArray:
    """(n_frames,) bool. BadInput, with the file that is missing, where none is there."""
    if not frames.is_virtual:
        return np.ones(len(frames), bool)
    present = np.zeros(len(frames), bool)
    absent = []
    for source in frames.virtual_sources():
        file = Path(source.file_name)
        file = path if source.file_name == "." else (file if file.is_absolute() else path.parent / file)
        low, high = source.vspace.get_select_bounds()
        available = _length(file, source.dset_name)
        if available is None:
            absent.append(source.file_name)
            continue
        first = source.src_space.get_select_bounds()[0][0] if available else 0
        present[low[0] : min(high[0] + 1, low[0] + max(available - first, 0))] = True
    if not present.any():
        names = ", ".join(dict.fromkeys(absent)) or "its source"
        raise BadInput(f"{where}: its {len(frames)} frames are in {names}, which is absent; put it beside {path.name}")
    return present


def _length(file: Path, dataset: str) -> int | None:
    """Frames in the source, or None if it cannot be read."""
    try:
        with h5py.File(file, "r", locking=False) as source:
            return len(source[dataset])
    except (OSError, KeyError):
        return None
