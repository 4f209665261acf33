"""Lima's plugin devices: the ROI counters count; the others exist, may be stopped, and refuse to start."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from tango import AttrWriteType, DevState
from tango.server import Device, attribute, command

from demo_beamline.lima.device import LimaCCDs

RW = AttrWriteType.READ_WRITE
COUNTERS_KEPT = 10_000


class QuietPlugin(Device):
    """What every plugin has."""

    def init_device(self) -> None:
        super().init_device()
        self.values = {"RunLevel": 0, "BufferSize": COUNTERS_KEPT, "MaskFile": ""}
        self.set_state(DevState.OFF)

    RunLevel = attribute(dtype=int, access=RW, fget=lambda self: self.values["RunLevel"])
    BufferSize = attribute(dtype=int, access=RW, fget=lambda self: self.values["BufferSize"])
    MaskFile = attribute(dtype=str, access=RW, fget=lambda self: self.values["MaskFile"])

    @RunLevel.write  # type: ignore[no-redef]
    def RunLevel(self, value: int) -> None:
        self.values["RunLevel"] = value

    @BufferSize.write  # type: ignore[no-redef]
    def BufferSize(self, value: int) -> None:
        self.values["BufferSize"] = value

    @MaskFile.write  # type: ignore[no-redef]
    def MaskFile(self, value: str) -> None:
        if value:
            raise RuntimeError(f"MaskFile {value}: masks are not emulated")
        self.values["MaskFile"] = value

    @command
    def Start(self) -> None:
        self.set_state(DevState.ON)

    @command
    def Stop(self) -> None:
        self.set_state(DevState.OFF)


class UnavailablePlugin(QuietPlugin):
    """A plugin that is not emulated: it can be asked to stop, as BLISS does before every scan."""

    @command
    def Start(self) -> None:
        raise RuntimeError(f"{self.get_name()}: this Lima plugin is not emulated; switch its processing off")

    @command
    def clearAllRois(self) -> None:
        """It has none."""


class RoiCounterPlugin(QuietPlugin):
    """Sum, mean, standard deviation, minimum and maximum of regions of each frame, as it is acquired."""

    def init_device(self) -> None:
        super().init_device()
        self._lock = threading.Lock()
        self._names: list[str] = []
        self._rois: dict[int, tuple[int, int, int, int]] = {}
        self._counts: deque[tuple[float, ...]] = deque(maxlen=COUNTERS_KEPT)
        LimaCCDs.listeners[:] = [self.count]

    def count(self, index: int, frame: NDArray[np.uint32]) -> None:
        """Called with every frame."""
        with self._lock:
            if index == 0:
                self._counts.clear()
            for number, (x, y, width, height) in sorted(self._rois.items()):
                part = frame[y : y + height, x : x + width].astype(float)
                self._counts.append((number, index, part.sum(), part.mean(), part.std(), part.min(), part.max()))

    @command
    def clearAllRois(self) -> None:
        with self._lock:
            self._names.clear()
            self._rois.clear()
            self._counts.clear()

    @command(dtype_in=(str,), dtype_out=(int,))
    def addNames(self, names: Sequence[str]) -> list[int]:
        self._names += [n for n in names if n not in self._names]
        return [self._names.index(n) for n in names]

    @command(dtype_in=(str,))
    def removeRois(self, names: Sequence[str]) -> None:
        with self._lock:
            for name in names:
                if name in self._names:
                    self._rois.pop(self._names.index(name), None)

    @command(dtype_in=(int,))
    def setRois(self, values: Sequence[int]) -> None:
        with self._lock:
            for number, x, y, width, height in np.reshape(values, (-1, 5)).tolist():
                self._rois[number] = (x, y, width, height)

    @command(dtype_in=(float,))
    def setArcRois(self, values: Sequence[float]) -> None:
        raise RuntimeError("arc-shaped regions are not emulated; take rectangles")

    @command(dtype_in=int, dtype_out=(float,))
    def readCounters(self, start: int) -> list[float]:
        """(roi, frame, sum, mean, std, min, max) of the frames from `start` on, one after the other."""
        with self._lock:
            return [value for row in self._counts if row[1] >= start for value in row]
