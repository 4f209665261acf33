"""Lima's HDF5 files: PREFIX + index + suffix, frames at /entry_0000/INSTRUMENT/DETECTOR/data."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray

FORMATS = ("HDF5", "HDF5BS")


@dataclass(frozen=True)
class SavingPlan:
    """What the saving_* attributes ask for; `first_file` counts the files of a scan."""

    directory: Path
    prefix: str
    index_format: str
    suffix: str
    format: str
    frames_per_file: int
    first_file: int
    instrument: str
    detector: str
    acquisition: Mapping[str, Any]

    def file(self, number: int) -> Path:
        return self.directory / f"{self.prefix}{self.index_format % number}{self.suffix}"


class FrameFiles:
    """Writes one acquisition; a file is closed as soon as it is full, so that it may be read."""

    def __init__(self, plan: SavingPlan) -> None:
        if not plan.directory.is_dir():
            raise FileNotFoundError(f"saving_directory {plan.directory} does not exist")
        self.plan = plan
        self.next_file = plan.first_file
        self._file: h5py.File | None = None
        self._data: Any = None

    def write(self, index: int, frame: NDArray[np.uint32]) -> None:
        """Append frame `index` of the acquisition."""
        within = index % self.plan.frames_per_file
        if self._file is None:
            self._open(frame)
        self._data.resize(within + 1, axis=0)
        self._data[within] = frame
        if within + 1 == self.plan.frames_per_file:
            self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self.next_file += 1

    def _open(self, frame: NDArray[np.uint32]) -> None:
        """A new file; one that exists is never written over (Lima's policy ABORT)."""
        plan = self.plan
        self._file = h5py.File(plan.file(self.next_file), "w-")
        entry = _group(self._file, "entry_0000", "NXentry")
        entry["title"] = "Lima 2D detector acquisition"
        entry["start_time"] = datetime.datetime.now().astimezone().isoformat()
        detector = _group(_group(entry, plan.instrument, "NXinstrument"), plan.detector, "NXdetector")
        acquisition = _group(detector, "acquisition", "NXcollection")
        for key, value in plan.acquisition.items():
            acquisition[key] = value
        filters = dict(hdf5plugin.Bitshuffle(cname="lz4")) if plan.format == "HDF5BS" else {}
        self._data = detector.create_dataset(
            "data", (0, *frame.shape), frame.dtype, maxshape=(None, *frame.shape), chunks=(1, *frame.shape), **filters
        )
        self._data.attrs["interpretation"] = "image"
        measurement = _group(entry, "measurement", "NXcollection")
        measurement["data"] = h5py.SoftLink(self._data.name)


def _group(parent: Any, name: str, nx_class: str) -> Any:
    group = parent.create_group(name)
    group.attrs["NX_class"] = nx_class
    return group
