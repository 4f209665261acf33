"""The frames of a BLISS scan that Lima saved as EDF, as one stack.

BLISS tells their place in one of three ways: a list of 'scan0001/mpx1x4_0000.edf::0' in the detector's group, where its
writer may not link to EDF; an HDF5 dataset of external storage, file, offset and size of each frame, where it may
(blisswriter's option enable_external_nonhdf5); or nothing but the folder of the scan beside the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.scan import BoolArray
from braggline_service.sources.edf import SUFFIXES, Image, frames_of_edf, is_edf, read_edf
from braggline_service.sources.virtual import beside

PLACE = re.compile(r"(?P<file>.+\.edf(\.gz)?)::(?P<index>\d+)$", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """One frame: by its index in an EDF file, or, where `offset` is told, by its first byte in it."""

    file: str
    index: int = 0
    offset: int | None = None


class EdfStack:
    """To be read like the h5py.Dataset of a stack (frame, row, column); a frame that is not there yet is not `present`.

    like: shape and dtype of a frame where the BLISS file tells them. BadInput where no frame can be found.
    """

    ndim = 3

    def __init__(
        self, file: h5py.File, name: str, places: list[Place], like: tuple[tuple[int, int], np.dtype] | None = None
    ) -> None:
        self.file = file
        self.name = name
        self.places = places
        self._like = like

    def __len__(self) -> int:
        return len(self.places)

    @property
    def shape(self) -> tuple[int, int, int]:
        return (len(self.places), *self._frame[0])

    @property
    def dtype(self) -> np.dtype:
        return self._frame[1]

    @cached_property
    def present(self) -> tuple[BoolArray, str]:
        """(n_frames,) True where the frame is there to its last byte, and the first thing that is missing."""
        found = np.array([self._is_there(place) for place in self.places], bool)
        if found.all():
            return found, ""
        place = self.places[int(np.argmin(found))]
        path = self._paths[place.file]
        if path is None:
            return found, f"the file of its frames, {place.file}, is absent"
        return found, f"the file of its frames, {path}, has no whole frame {place.index}"

    def read_into(self, intensity: NDArray[np.generic], wanted: NDArray[np.intp]) -> None:
        """The frames `wanted` to their places in `intensity`. BadInput for one of another shape."""
        by_file: dict[str, dict[int, int]] = {}
        for i in wanted.tolist():
            place = self.places[i]
            if place.offset is None:
                by_file.setdefault(place.file, {})[place.index] = i
            else:
                intensity[i] = self._raw(place)
        for name, frames in by_file.items():
            for index, image in read_edf(self._path(name), frames):
                if image.shape != intensity.shape[1:]:
                    raise BadInput(
                        f"{self._path(name)}: frame {index} is {image.shape}, the first one is {intensity.shape[1:]}; "
                        "give another --entry"
                    )
                intensity[frames[index]] = image

    @cached_property
    def _frame(self) -> tuple[tuple[int, int], np.dtype]:
        if self._like is not None:
            return self._like
        for place in self.places:
            path = self._paths[place.file]
            if path is not None and self._held[place.file] > place.index:
                image: Image = next(read_edf(path, [place.index]))[1]
                return (image.shape[0], image.shape[1]), image.dtype.newbyteorder("=")
        raise BadInput(f"{self.file.filename}::{self.name}: {self.present[1]}; copy it there with the scan")

    @cached_property
    def _paths(self) -> Mapping[str, Path | None]:
        """Where each file is: as named, else beside the BLISS file, in a folder of the same name or in none."""
        master = Path(self.file.filename)
        names = {place.file for place in self.places}
        moved = {name: ("/".join(Path(name).parts[-2:]), Path(name).name) for name in names}
        return {
            name: next((path for try_ in (name, *moved[name]) if (path := beside(master, try_))), None)
            for name in names
        }

    @cached_property
    def _held(self) -> Mapping[str, int]:
        """Whole frames in each file."""
        return {name: frames_of_edf(path) if path else 0 for name, path in self._paths.items()}

    def _is_there(self, place: Place) -> bool:
        if place.offset is None:
            return place.index < self._held[place.file]
        path = self._paths[place.file]
        shape, dtype = self._frame
        return path is not None and path.stat().st_size >= place.offset + int(np.prod(shape)) * dtype.itemsize

    def _raw(self, place: Place) -> Image:
        shape, dtype = self._frame
        return np.fromfile(self._path(place.file), dtype, int(np.prod(shape)), offset=place.offset or 0).reshape(shape)

    def _path(self, name: str) -> Path:
        path = self._paths[name]
        assert path is not None  # only frames that are present are read
        return path


def edf_stack(scan: h5py.Group, name: str) -> EdfStack | None:
    """The EDF frames of detector `name`, however the scan tells them; None where it does not."""
    group = scan.get(f"instrument/{name}")
    measured = scan.get(f"measurement/{name}")
    if isinstance(measured, h5py.Dataset):
        return _external(measured)
    if not isinstance(group, h5py.Group):
        return None
    for key in group:
        dataset = group.get(key)
        if isinstance(dataset, h5py.Dataset) and (places := _listed(dataset)):
            return EdfStack(scan.file, f"{scan.name}/instrument/{name}/{key}", places)
    return _in_folder(scan, name)


def _external(dataset: h5py.Dataset) -> EdfStack | None:
    """External storage of one frame after the other, each in one piece."""
    size = int(np.prod(dataset.shape[1:])) * dataset.dtype.itemsize
    pieces = dataset.external or []
    if dataset.ndim != 3 or not pieces or any(length != size for _, _, length in pieces):
        return None
    like = (int(dataset.shape[1]), int(dataset.shape[2])), dataset.dtype
    return EdfStack(dataset.file, dataset.name, [Place(file, offset=offset) for file, offset, _ in pieces], like)


def _listed(dataset: h5py.Dataset) -> list[Place]:
    """A list of FILE::INDEX; empty where it is none."""
    if dataset.ndim != 1 or h5py.check_string_dtype(dataset.dtype) is None:
        return []
    found = [PLACE.match(text) for text in dataset.asstr()[()]]
    return [Place(match["file"], int(match["index"])) for match in found if match] if all(found) else []


def _in_folder(scan: h5py.Group, name: str) -> EdfStack | None:
    """scan0007/NAME_*.edf beside the BLISS file, for entry 7.1, by BLISS's own naming."""
    kind, number = scan.get(f"instrument/{name}/type"), scan.name.strip("/").split(".")[0]
    lima = isinstance(kind, h5py.Dataset) and h5py.check_string_dtype(kind.dtype) and kind.asstr()[()] == "lima"
    if not lima or not number.isdigit():
        return None
    folder = Path(scan.file.filename).parent / f"scan{int(number):04d}"
    files = sorted(path for suffix in SUFFIXES for path in folder.glob(f"{name}_*{suffix}") if is_edf(path.name))
    places = [Place(str(path), index) for path in files for index in range(frames_of_edf(path))]
    return EdfStack(scan.file, f"{scan.name}/instrument/{name}", places) if places else None
