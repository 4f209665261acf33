"""One acquisition of the emulated detector: expose, read, keep, save; in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo_beamline.lima.files import FrameFiles
from demo_beamline.lima.image import ImageGeometry
from demo_beamline.lima.ring import RingBuffer

LOG = logging.getLogger(__name__)
Frame = NDArray[np.uint32]


@dataclass(frozen=True)
class Plan:
    """What prepareAcq fixed. frames 0: until stopped; multi: one frame a start."""

    frames: int
    exposure_s: float
    latency_s: float
    multi: bool
    geometry: ImageGeometry


class Acquisition:
    """expose(exposure_s, index) gives the raw frame that the detector sees from now on."""

    def __init__(
        self, plan: Plan, ring: RingBuffer, files: FrameFiles | None, expose: Callable[[float, int], Frame]
    ) -> None:
        self.plan, self.ring, self.files, self.expose = plan, ring, files, expose
        self.listeners: list[Callable[[int, Frame], None]] = []
        self.status, self.fault = "Ready", ""
        self.acquired = self.saved = -1
        self._abort = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def finished(self) -> bool:
        return 0 < self.plan.frames <= self.acquired + 1

    def start(self) -> None:
        """Take the next frame (multi) or all of them; the status is 'Running' before this returns."""
        if self.plan.multi and self._thread is not None:
            self._thread.join()  # BLISS counts the exposure by its own clock and may ask for the next one early
        if self.status != "Ready":
            raise RuntimeError(f"startAcq: the detector is not ready but {self.status}: {self.fault or 'wait for it'}")
        if self.finished:
            raise RuntimeError(f"startAcq: all {self.plan.frames} frames are taken; call prepareAcq first")
        first = self.acquired + 1
        last = first + 1 if self.plan.multi else self.plan.frames
        self.status = "Running"
        self._thread = threading.Thread(target=self._run, args=(first, last), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the exposure, close the file; what was acquired is kept."""
        self._abort.set()
        if self._thread is not None:
            self._thread.join()
        self._close()
        self._abort.clear()
        if self.status != "Fault":
            self.status = "Ready"

    def _run(self, first: int, last: int) -> None:
        try:
            index = first
            while (not last or index < last) and self._take(index):
                index += 1
            if self.finished:
                self._close()
            self.status = "Ready"
        except Exception as error:
            LOG.exception("acquisition")
            self.fault, self.status = f"{type(error).__name__}: {error}", "Fault"

    def _take(self, index: int) -> bool:
        """One frame; it shows where the motors are when the exposure starts. False if stopped."""
        ends = time.monotonic() + self.plan.exposure_s + self.plan.latency_s
        frame = self.plan.geometry.apply(self.expose(self.plan.exposure_s, index))
        if self._abort.wait(max(0.0, ends - time.monotonic())):
            return False
        self.ring.put(index, frame)
        for listener in self.listeners:
            listener(index, frame)
        self.acquired = index
        if self.files is not None:
            self.files.write(index, frame)
            self.saved = index
        return True

    def _close(self) -> None:
        if self.files is not None:
            self.files.close()
