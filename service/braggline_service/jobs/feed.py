"""Frames from the stream into the growing curve, beside the phasing, so that no frame waits for a pass."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from braggline_models.scan import RockingCurve
from braggline_service.stages.growing import GrowingCurve
from braggline_service.streams import FrameReader

READ_S = 0.2


class FrameFeed(threading.Thread):
    """Reads until the stream is closed and drained; `on_frames` is called after every batch, in this thread.

    complete: set once every announced frame is there, or nothing more comes; `on_complete` is called just after.
    done: set once nothing more comes.
    stalled_after_s: an open stream that brings no frame for so long is given up, and `stalled` says so.
    """

    def __init__(
        self,
        reader: FrameReader,
        growing: GrowingCurve,
        on_frames: Callable[[], None],
        on_complete: Callable[[], None],
        stalled_after_s: float,
    ) -> None:
        super().__init__(name=f"frames of {growing.header.name}", daemon=True)
        self.growing = growing
        self.complete = threading.Event()
        self.done = threading.Event()
        self.last_frame_at = time.monotonic()
        self.stalled = False
        self._reader = reader
        self._on_frames = on_frames
        self._on_complete = on_complete
        self._stalled_after_s = stalled_after_s
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            while not (self._reader.drained or self.stalled or self.done.is_set()):
                self._read()
        except Exception as error:  # carried to the job's thread, which raises it again
            self._error = error
        finally:
            self.done.set()
            self._completed()
            self._news.set()

    def wait(self, timeout_s: float) -> None:
        """Return when there is news, or after `timeout_s`; raises what went wrong while reading."""
        self._news.wait(timeout_s)
        self._news.clear()
        self.check()

    def check(self) -> None:
        if self._error is not None:
            raise self._error

    def curve(self, whole: bool = True) -> RockingCurve:
        with self._lock:
            return self.growing.curve(whole)

    def close(self) -> None:
        self.done.set()
        self.join()

    def _read(self) -> None:
        frames = self._reader.read(READ_S)
        if not frames:
            self.stalled = time.monotonic() - self.last_frame_at > self._stalled_after_s
            return
        with self._lock:
            for frame in frames:
                self.growing.add(frame)
        self._reader.mark_processed([frame.index for frame in frames])
        self.last_frame_at = time.monotonic()
        if 0 < self.growing.header.n_frames <= self.growing.n_measured:
            self._completed()
        self._on_frames()
        self._news.set()

    def _completed(self) -> None:
        if not self.complete.is_set():
            self.complete.set()
            self._on_complete()
