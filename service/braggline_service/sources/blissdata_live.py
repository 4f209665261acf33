"""A scan of BLISS while it runs, through blissdata: header, frames by index, positions by index, how it ended."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from blissdata.redis_engine.scan import ScanState
from blissdata.redis_engine.store import DataStore
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_service.messages import Reference, Roi, ScanHeader, State
from braggline_service.sources.blissdata_header import beamline_of, detector_info, header_of_info, positioners
from braggline_service.sources.lima_files import read_reference
from braggline_service.sources.lima_memory import LimaMemory
from braggline_service.sources.scalars import Point, Scalars

logger = logging.getLogger(__name__)
READABLE = ("hdf5", "hdf5bs", "hdf5gz", "edf", "edfgz")  # Lima's names of the formats that lima_files reads
RING_SHARE = 0.75  # of Lima's ring buffer: a frame older than this may be overwritten while it is asked for


class LiveScan:
    """Promise: frame i is paired with the positions of point i, wherever its pixels come from.

    detector: its name, '' for the one image stream of the scan. beamline: used where the scan itself names none.
    """

    def __init__(self, store: DataStore, key: str, detector: str = "", beamline: str = "") -> None:
        self.scan = store.load_scan(key)
        if self.scan.state > ScanState.CREATED:
            # blissdata reads the streams first and the state after: what it loads while a scan is being prepared can
            # be a prepared scan without streams. Loaded again, the streams are at least as new as that state.
            self.scan = store.load_scan(key)
        self.key = key
        self._store = store
        self._wanted = detector
        self._beamline = beamline

    # ---- before the first frame
    def update(self) -> None:
        """Take in what changed. blissdata's ScanNotFoundError if the scan was deleted."""
        self.scan.update(block=False)

    @property
    def prepared(self) -> bool:
        """True once the streams and all that the header needs are there."""
        return bool(self.scan.state >= ScanState.PREPARED)

    def open(self) -> bool:
        """Find the streams; False if the scan has no such detector. BadInput if it has several and none was chosen."""
        images = {name: stream for name, stream in self.scan.streams.items() if _is_image(stream)}
        if self._wanted:
            images = {name: stream for name, stream in images.items() if name.split(":")[0] == self._wanted}
        if not images:
            return False
        if len(images) > 1:
            known = ", ".join(sorted({name.split(":")[0] for name in images}))
            raise BadInput(f"scan {self.scan.number}: image streams of {known}; choose one with ingest.detector")
        ((name, self._image),) = images.items()
        self._memory = LimaMemory(self._image, self._store) if self._lima else None
        self.detector = name.split(":")[0]
        beamline = beamline_of(self.scan.info, self._beamline)
        movable = positioners(self.scan.info)
        monitors, attenuator = (beamline.monitors, beamline.attenuator) if beamline else ((), "")
        self._scalars = Scalars(self.scan.streams, set(movable), monitors, attenuator)
        return True

    def header(self, roi_px: Roi | None = None) -> ScanHeader:
        info: Mapping[str, Any] = self.scan.info
        rows, columns = (int(n) for n in self._image.shape)
        detector = detector_info(info, self.detector, (rows, columns))
        parts = (getattr(self.scan, "collection", None), getattr(self.scan, "dataset", None))
        dataset = "_".join(str(part) for part in parts if part) or str(info.get("session_name", "scan"))
        return header_of_info(
            self.key, info, dataset, detector, self._scalars.axes, _inside(roi_px, (rows, columns)), self._beamline
        )

    # ---- frames
    def acquired(self) -> int:
        """Frames that the detector has taken so far."""
        return len(self._image)

    def scalars(self, index: int) -> Point | None:
        """The numbers of point `index`; None if they are still to come."""
        return self._scalars.at(index, final=self.closed)

    def image(self, index: int) -> NDArray[np.generic] | None:
        """Frame `index` (rows, columns), from Lima's memory or its file; None if neither has it now. Never waits."""
        if self._memory is not None:
            places = (self._from_memory, self._from_file)
            for place in places[::-1] if self.closed else places:
                if (image := place(index)) is not None:
                    return image
            if not self.closed or self.reference(index) is not None:
                return None
        try:
            return np.asarray(self._image[index])
        except Exception as error:  # blissdata hands on what fabio and h5py raise; each means: not to be had
            logger.info("scan %s: frame %d cannot be read: %r", self.key, index, error)
            return None

    def coming(self, index: int) -> bool:
        """True if frame `index` may yet be read from a file that is not READABLE: such a one has no Reference."""
        return not self.closed and "file_path" in self._lima and self.reference(index) is None

    def reference(self, index: int) -> Reference | None:
        """Where frame `index` is, or will be, on disk; None if it is not saved in a format of READABLE."""
        if self._lima.get("file_format", "").lower() not in READABLE:
            return None
        place = self._image.get_references(index)
        return Reference(file=place.file_path, dataset=place.data_path or "", index=place.index)

    def overtaken(self, index: int) -> bool:
        """True where the detector is about to overwrite frame `index` in its memory."""
        ring = int(self._lima.get("buffer_max_number", 0))
        return ring > 0 and self.acquired() - index > RING_SHARE * ring

    def _from_memory(self, index: int) -> NDArray[np.generic] | None:
        return self._memory.image(index, self.acquired()) if self._memory else None

    def _from_file(self, index: int) -> NDArray[np.generic] | None:
        place = self.reference(index)
        return read_reference(place) if place else None

    @property
    def _lima(self) -> Mapping[str, Any]:
        info = self._image.info.get("lima_info", {})
        return info if isinstance(info, Mapping) else {}

    # ---- the end
    @property
    def closed(self) -> bool:
        return bool(self.scan.state >= ScanState.CLOSED)

    def ended(self) -> bool:
        """True when no frame will follow: the scan is closed, or its last announced frame is there."""
        announced = int(self.scan.info.get("npoints") or 0)
        return self.closed or (0 < announced <= self.acquired())

    def end_state(self) -> State:
        """'aborted' where BLISS says that the scan did not succeed."""
        reason = self.scan.info.get("end_reason", "SUCCESS") if self.closed else "SUCCESS"
        return "complete" if reason == "SUCCESS" else "aborted"


def _is_image(stream: Any) -> bool:
    """Lima's streams, and plain ones of 2D numbers; a stream whose plugin is absent raises when it is asked."""
    try:
        return len(stream.shape) == 2 and stream.kind == "array"
    except Exception as error:
        logger.warning("stream %s cannot be used: %r", getattr(stream, "name", "?"), error)
        return False


def _inside(roi_px: Roi | None, shape_px: tuple[int, int]) -> Roi | None:
    """The ROI cut to the frame; nothing is lost by one that lies outside: the whole frame is taken then."""
    if roi_px is None:
        return None
    rows, columns = (roi_px[0], min(roi_px[1], shape_px[0])), (roi_px[2], min(roi_px[3], shape_px[1]))
    if rows[0] < rows[1] and columns[0] < columns[1]:
        return (*rows, *columns)
    logger.warning("ROI %s lies outside of a frame of %s: the whole frame is taken", roi_px, shape_px)
    return None
