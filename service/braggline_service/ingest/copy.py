"""One scan from blissdata into its stream, each frame once, also when it is taken up in the middle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from blissdata.exceptions import ScanLoadError

from braggline_service.ingest.status import Teller
from braggline_service.messages import State
from braggline_service.sources.blissdata_live import LiveScan
from braggline_service.sources.lima_files import cut
from braggline_service.sources.scalars import Point
from braggline_service.streams import FrameWriter

POLL_S = 0.05
OVERRUN_S = 10.0  # BLISS began another scan so long ago, and this one stands still: its program died


class ScanCopy:
    """Publishes whatever index the stream does not have, until the scan is over.

    superseded: tells whether the same session has begun another scan since.
    """

    def __init__(
        self, live: LiveScan, writer: FrameWriter, teller: Teller, superseded: Callable[[], bool] = lambda: False
    ) -> None:
        self.live = live
        self.writer = writer
        self.teller = teller
        self._superseded = superseded
        self._lost: set[int] = set()
        self._news_at = time.monotonic()

    def run(self, stop: threading.Event) -> bool:
        """True once the scan is over and its stream closed; False if `stop` came first."""
        there, known = self.writer.published(), -1
        while not stop.is_set():
            try:
                self.live.update()
            except ScanLoadError:
                return self._close("aborted", max(known, 0))  # deleted from blissdata: nothing more can be had
            ended, acquired = self.live.ended(), self.live.acquired()  # in this order: nothing follows an end
            if acquired != known:
                self.writer.acquired(acquired)
                known, self._news_at = acquired, time.monotonic()
            todo = self._publish(there, acquired, stop)
            self.teller.progress(self.writer.redis, acquired)
            if not todo and ended and self._whole(there, acquired):
                return self._close(self.live.end_state(), acquired)
            if not self.live.closed and self._dead():
                return self._close("aborted", acquired)
            stop.wait(POLL_S)
        return False

    def _publish(self, there: set[int], acquired: int, stop: threading.Event) -> int:
        """Publish in order of index; gives the number of frames that must wait for their positions."""
        todo = [index for index in range(acquired) if index not in there and index not in self._lost]
        for done, index in enumerate(todo):
            point = self.live.scalars(index)
            if point is None or stop.is_set():
                return len(todo) - done
            if self._one(index, point):
                there.add(index)
            elif not self.live.coming(index):
                self._lost.add(index)
            self._news_at = time.monotonic()
            self.teller.progress(self.writer.redis, self.live.acquired())
        return 0

    def _one(self, index: int, point: Point) -> bool:
        """Pixels if they can be had in time and Redis has room, else their place on disk. False: neither."""
        roi_px = self.writer.header.roi_px
        reference = self.live.reference(index)
        image = None
        if reference is None or not (self.live.overtaken(index) or self.writer.over_budget()):
            image = self.live.image(index)
        if image is not None:
            shown = cut(image, roi_px)
            self.writer.publish(index, shown, point.positions, point.monitor, point.transmission)
            self.teller.frame(shown)
        elif reference is not None:
            place = reference.model_copy(update={"roi_px": roi_px})
            self.writer.publish_reference(index, point.positions, place, point.monitor, point.transmission)
            self.teller.frame(None)
        return image is not None or reference is not None

    def _whole(self, there: set[int], acquired: int) -> bool:
        """Ask Redis itself: one that was killed may have forgotten what it took last."""
        there &= self.writer.published()
        return all(index in there or index in self._lost for index in range(acquired))

    def _dead(self) -> bool:
        return time.monotonic() - self._news_at > OVERRUN_S and self._superseded()

    def _close(self, state: State, acquired: int) -> bool:
        self.writer.close(state, acquired)
        self.teller.progress(self.writer.redis, acquired, always=True)
        return True
