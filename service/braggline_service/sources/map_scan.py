"""A map of a BLISS NeXus file, such as `amesh pix ... piy ...`: read frame by frame, since a map is larger than memory.

Two passes: the sum of all frames tells hot pixels and where on the detector anything scatters; then each frame is
reduced there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from braggline_models.errors import BadInput
from braggline_models.maps import CrystalMap, empty_map, reduced
from braggline_models.maps.reduce import Roi, background_level
from braggline_models.preprocess.hot_pixels import hot_in_sum
from braggline_models.scan import BoolArray
from braggline_service.beamlines import Beamline, load_beamline
from braggline_service.settings import load_settings
from braggline_service.sources.bliss_detector import pixel_mask, roi_of_file
from braggline_service.sources.bliss_nexus import frames_of, unfinished_because
from braggline_service.sources.bliss_select import find_detector, named_entry
from braggline_service.sources.edf_stack import EdfStack
from braggline_service.sources.hdf5_file import opened
from braggline_service.sources.map_axes import MapAxes, find_map, map_axes
from braggline_service.sources.overrides import Overrides, checked_overrides, window
from braggline_service.sources.pixels import Stack, fitted, place
from braggline_service.sources.virtual import frames_present

LIT_BOX_PX = 9  # side of the box whose sum tells what is lit
LIT_SIGMA = 6.0
MARGIN_PX = 16  # about what is lit: the background is seen there
OnShare = Callable[[float], None]


@dataclass(frozen=True)
class MapScan:
    """A map, and the frames behind it.

    map      every point reduced;  mask (n_rows, n_cols) True where no data: gaps, the file's mask, hot pixels
    image    (n_rows, n_cols) float64, the sum of all frames, 0 where masked
    path, entry, detector  by which `frames` finds single ones again
    """

    map: CrystalMap
    mask: BoolArray
    image: NDArray[np.float64]
    path: Path
    entry: str
    detector: str

    def frames(self, points: Sequence[int]) -> NDArray[np.generic]:
        """(len(points), n_rows, n_cols), as they are in the file. BadInput for a point that was not measured."""
        if missing := [k for k in points if not self.map.measured[k]]:
            raise BadInput(f"{self.path}: point {missing[0]} of the map was not measured; there is no frame of it")
        with opened(self.path) as file:
            frames = frames_of(file[self.entry], self.detector)
            return np.stack([_frame(frames, int(k)) for k in points])


def read_map(
    path: Path,
    entry: str | None = None,
    detector: str | None = None,
    beamline: str | None = None,
    axes: tuple[str, str] | None = None,
    roi: Roi | None = None,
    overrides: Overrides | None = None,
    on_share: OnShare = lambda _: None,
) -> MapScan:
    """The map of one scan in `path`, by default the only one of the file.

    axes  motors, fast first, by default found;  roi  of the detector, by default what is lit anywhere in the map
    Raises BadInput, one line, for what cannot be used; what can, though it is suspect, is told in the map's flags.
    """
    line = load_beamline(beamline or load_settings().beamline)
    known = checked_overrides(dict(overrides or {}), line.diffractometer.circle_names)
    with opened(path) as file:
        scan = named_entry(file, entry) if entry is not None else find_map(file)
        name = find_detector(scan, detector, line)
        where = map_axes(scan, axes)
        frames = frames_of(scan, name)
        mask = _mask(scan, name, frames, line, known)
        present, flags = _present(scan, frames, where)
        map_ = empty_map(
            f"{Path(file.filename).stem}_{scan.name.strip('/')}", where.names, where.positions_m[: len(present)],
            where.step_m,
        )  # fmt: skip
        points = np.flatnonzero(present)
        image = _sum(frames, points, lambda share: on_share(0.5 * share))
        mask |= hot_in_sum(np.where(mask, 0.0, image), len(points))
        image[mask] = 0.0
        roi = roi or lit(image, mask)
        values = {}
        for done, k in enumerate(points):
            values[int(k)] = reduced(_frame(frames, int(k)), mask, roi)
            on_share(0.5 + 0.5 * (done + 1) / len(points))
        whole = replace(map_.with_frames(values), roi_px=roi, flags=(*where.flags, *flags))
        return MapScan(whole, mask, image, path, scan.name, name)


def lit(image: NDArray[np.float64], mask: BoolArray) -> Roi:
    """The rectangle about all that is brighter than the background, with a margin; everything where nothing is."""
    known = ~mask
    level = background_level(image, known)
    size = LIT_BOX_PX**2
    excess = uniform_filter(np.where(known, image - level, 0.0), LIT_BOX_PX, mode="constant") * size
    rows, columns = np.nonzero(excess > LIT_SIGMA * np.sqrt(size * max(level, 1.0)))
    if not rows.size:
        return 0, image.shape[0], 0, image.shape[1]
    return (
        max(int(rows.min()) - MARGIN_PX, 0), min(int(rows.max()) + 1 + MARGIN_PX, image.shape[0]),
        max(int(columns.min()) - MARGIN_PX, 0), min(int(columns.max()) + 1 + MARGIN_PX, image.shape[1]),
    )  # fmt: skip


def _mask(scan: h5py.Group, name: str, frames: Stack, line: Beamline, known: dict[str, float]) -> BoolArray:
    configured, gaps = line.detector(name)
    group = scan.get(f"instrument/{name}", scan)
    at = window(known, roi_of_file(group))
    seen, mask = fitted(frames, configured, gaps, at, known)
    return mask | pixel_mask(group, seen.shape_px, at)


def _present(scan: h5py.Group, frames: Stack, where: MapAxes) -> tuple[BoolArray, list[str]]:
    """(n_points,) True where a point has its frame; and what is missing. BadInput where none has, or a whole scan's
    positions and frames differ in number."""
    present, missing = frames.present if isinstance(frames, EdfStack) else frames_present(frames)
    n, unfinished = min(len(where.positions_m), len(frames)), unfinished_because(scan)
    if len(where.positions_m) != len(frames) and not unfinished:
        raise BadInput(f"{place(frames)}: {len(frames)} frames for {len(where.positions_m)} positions; mend the file")
    present = present[:n] & np.isfinite(where.positions_m[:n]).all(axis=1)
    if not present.any() or (not unfinished and not present.all()):
        raise BadInput(
            f"{place(frames)}: {np.count_nonzero(~present)} of {n} frames are missing: {missing or 'none was saved'}; "
            "copy it there with the scan (HDF5 would show zeros)"
        )
    have = int(np.count_nonzero(present))
    expected = max(where.points, n)
    return present, [f"{unfinished or 'points are missing'}: {have} of {expected} points"] if have < expected else []


def _sum(frames: Stack, points: NDArray[np.intp], on_share: OnShare) -> NDArray[np.float64]:
    total = np.zeros(frames.shape[1:])
    for done, k in enumerate(points):
        total += _frame(frames, int(k))
        on_share((done + 1) / len(points))
    return total


def _frame(frames: Stack, k: int) -> NDArray[np.generic]:
    """Frame `k` alone."""
    if not isinstance(frames, EdfStack):
        return np.asarray(frames[k])
    single = EdfStack(frames.file, frames.name, [frames.places[k]], (frames.shape[1:], frames.dtype))
    image = np.zeros((1, *frames.shape[1:]), frames.dtype)
    single.read_into(image, np.zeros(1, np.intp))
    return image[0]
