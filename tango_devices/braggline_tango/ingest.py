"""BraggIngest: follows the scans of BLISS and shows how far it is."""

from __future__ import annotations

import threading
from typing import Any

from tango import AttrWriteType, DevState
from tango.server import attribute, command, device_property

from braggline_models.errors import BadInput
from braggline_service.connection import connect
from braggline_service.ingest import Ingest, IngestStatus
from braggline_tango.attributes import INGEST
from braggline_tango.face import Face
from braggline_tango.kept import keep_property
from braggline_tango.reading import read_status
from braggline_tango.replay import Replayer
from braggline_tango.told import told
from braggline_tango.work import Work

STATES = {
    "starting": DevState.INIT,
    "idle": DevState.ON,
    "following": DevState.RUNNING,
    "stopped": DevState.OFF,
    "fault": DevState.FAULT,
}


class BraggIngest(Face):
    """Promise: every frame of every scan with the detector goes into the scan's Redis stream, or is counted as missing.

    ON: waiting for a scan. RUNNING: following one. OFF: stopped. FAULT: the status says what is away; it comes back
    by itself.
    """

    rows = INGEST

    KeptRoi = device_property(
        dtype=(int,), default_value=[], doc="written by the attribute Roi, which Tango cannot memorise"
    )

    Detector = attribute(
        dtype=str, access=AttrWriteType.READ_WRITE, memorized=True, hw_memorized=True, label="detector",
        doc="follow this detector only; empty: the one image stream of the scan",
    )  # fmt: skip
    Roi = attribute(
        dtype=("DevLong",), max_dim_x=4, access=AttrWriteType.READ_WRITE, unit="px", label="region of interest",
        doc="row start, row stop, column start, column stop; empty: the whole frame",
    )  # fmt: skip
    Enabled = attribute(
        dtype=bool, access=AttrWriteType.READ_WRITE, memorized=True, hw_memorized=True, label="enabled",
        doc="false: scans are not followed",
    )  # fmt: skip

    def init_device(self) -> None:
        self._changes: dict[str, Any] = {}
        self._work: Work | None = None
        self._status: IngestStatus | None = None
        self._news = threading.Event()
        super().init_device()

    def begin(self) -> None:
        self._replayer = Replayer(self.settings_file, self._news.set)
        if "roi_px" not in self._changes and len(self.KeptRoi) == 4:
            self._changes["roi_px"] = tuple(int(v) for v in self.KeptRoi)
        self.start_pusher(self._wait)
        self._start_work()

    def end(self) -> None:
        self._replayer.close()
        self._stop_work()

    def deliver(self, changed: bool) -> None:
        self.publish(read_status(self._status), *self._state())

    def _state(self) -> tuple[DevState, str]:
        work, status = self._work, self._status
        if work is None or not self._tuned("enabled"):
            return DevState.OFF, "stopped: scans are not followed; Start follows them"
        if work.failure:
            return DevState.FAULT, f"the ingest ended: {work.failure}; Start tries again"
        if status is None:
            return DevState.INIT, "starting"
        if self._replayer.failure and status.state == "idle":
            return DevState.ALARM, self._replayer.failure
        return STATES.get(status.state, DevState.UNKNOWN), status.message or status.state

    # ---- what a scientist tunes
    def read_Detector(self) -> str:
        return str(self._tuned("detector"))

    def write_Detector(self, name: str) -> None:
        self._tune("detector", name.strip())

    def read_Roi(self) -> list[int]:
        return list(self._tuned("roi_px") or [])

    def write_Roi(self, roi: Any) -> None:
        values = [int(v) for v in roi]
        with told("Roi"):
            if values and (len(values) != 4 or not (0 <= values[0] < values[1] and 0 <= values[2] < values[3])):
                raise BadInput(
                    f"Roi: {values} is no region; give row start, row stop, column start, column stop, or nothing"
                )
        keep_property(self, "KeptRoi", values)
        self._tune("roi_px", tuple(values) or None)

    def read_Enabled(self) -> bool:
        return bool(self._tuned("enabled"))

    def write_Enabled(self, enabled: bool) -> None:
        self._tune("enabled", bool(enabled))

    # ---- commands
    @command(doc_in="follow scans from now on")
    def Start(self) -> None:
        self._tune("enabled", True)
        if self._work is not None and self._work.failure:
            self._stop_work()
        self._start_work()

    @command(doc_in="follow no more scans; what is in Redis stays")
    def Stop(self) -> None:
        self._tune("enabled", False)

    @command(dtype_in=str, doc_in="a BLISS file, or the key of a scan that is still in Redis")
    def Replay(self, source: str) -> None:
        with told("Replay"):
            self._replayer.start(source.strip(), self.redis)

    # ---- inside
    def _wait(self, timeout_s: float) -> bool:
        news = self._news.wait(timeout_s)
        self._news.clear()
        return news

    def _tuned(self, key: str) -> Any:
        return self._changes.get(key, getattr(self.settings.ingest, key))

    def _tune(self, key: str, value: Any) -> None:
        """A change of settings restarts the ingest, which loses nothing: it reads its scan again from the stream.

        While it is not enabled it goes on running, and passes by the scans that it is not to follow.
        """
        if self._tuned(key) == value:
            self._changes[key] = value
            return
        self._changes[key] = value
        if self._pusher is None:
            return  # not begun yet: a memorised value
        self._stop_work()
        self._start_work()

    def _start_work(self) -> None:
        if self._work is None:
            settings = self.settings.model_copy(
                update={"ingest": self.settings.ingest.model_copy(update=self._changes)}
            )
            self._work = Work(
                f"ingest of {self.get_name()}",
                lambda stop: Ingest(settings, connect(settings.redis.url), self._take).run(stop),
                self._news.set,
            )
            self._work.start()

    def _stop_work(self) -> None:
        if self._work is not None:
            self._work.close()
            self._work = None
        self._news.set()

    def _take(self, status: IngestStatus) -> None:
        self._status = status
        self._news.set()
