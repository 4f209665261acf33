"""Follows BLISS scan after scan; where it stands is kept in Redis, so that none is missed over a restart."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from blissdata.exceptions import NoScanAvailable, ScanLoadError
from blissdata.redis_engine.scan import ScanState
from blissdata.redis_engine.store import DataStore
from redis import Redis

from braggline_models.errors import BadInput
from braggline_service.connection import AWAY
from braggline_service.ingest.copy import POLL_S, ScanCopy
from braggline_service.ingest.status import IngestStatus, Teller
from braggline_service.messages import Roi
from braggline_service.settings import Settings
from braggline_service.sources.blissdata_live import LiveScan
from braggline_service.streams import FrameReader, FrameWriter, ScanGone, StreamUnavailable

logger = logging.getLogger(__name__)

POSITION = "braggline:ingest:position"  # blissdata's time tag of the scan that was finished last
WAIT_S = 0.5
AWAY_PAUSE_S = 1.0
PATIENCE_S = 1.0  # for the service's Redis inside one call; then the fault is told, and everything tried again


def start_from_now(redis: Redis) -> None:
    """Forget where the ingest stood: the next run begins with the scan that is measured then."""
    redis.delete(POSITION)


class NotBlissdata(RuntimeError):
    """The Redis answers, and holds no blissdata that this version reads: BLISS has not set it up yet."""


class Ingest:
    """Promise: every frame of every scan with the detector is in the scan's stream, or counted as missing.

    enabled, detector, roi_px: from the settings; what is set here holds from the next scan on.
    """

    def __init__(self, settings: Settings, redis: Redis, on_change: Callable[[IngestStatus], None]) -> None:
        self.settings = settings
        self.redis = redis
        self.enabled: bool = settings.ingest.enabled
        self.detector: str = settings.ingest.detector
        self.roi_px: Roi | None = settings.ingest.roi_px
        self._teller = Teller(on_change)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. Either Redis may go away and come back meanwhile."""
        while not stop.is_set():
            try:
                store = self._store()
                while not stop.is_set():
                    self._step(store, stop)
            except (*AWAY, StreamUnavailable, NotBlissdata) as error:
                self._fault(error, stop)
        self._teller.state("stopped", "stopped: scans are not followed")

    def _step(self, store: DataStore, stop: threading.Event) -> None:
        if not self.enabled:
            self._teller.state("stopped", "disabled: scans are not followed")
            self._keep(store.get_last_scan_timetag())
            stop.wait(WAIT_S)
            return
        try:
            tag, key = store.get_next_scan(since=self._position(store), timeout=WAIT_S)
        except NoScanAvailable:
            self._idle("waiting for a scan")
            return
        if self._follow(store, tag, key, stop):
            self._keep(tag)

    def _follow(self, store: DataStore, tag: str, key: str, stop: threading.Event) -> bool:
        """True when the scan is done with: copied, deleted, or not one for us. False if `stop` came first."""
        try:
            live = LiveScan(store, key, self.detector, self.settings.beamline)
            if not self._prepared(live, store, tag, stop):
                return not stop.is_set()
            if not live.open():
                logger.info("scan %s has no image stream%s", key, f" of {self.detector}" if self.detector else "")
                return True
            return self._copy(live, store, tag, stop)
        except ScanLoadError as error:
            self._idle(f"scan {key} was deleted while it was followed, or another version wrote it ({error})")
        except (BadInput, ScanGone) as error:
            logger.warning("%s", error)
            self._idle(str(error))
        except (*AWAY, StreamUnavailable):
            raise
        except Exception as error:  # one scan that cannot be followed must not stand in the way of the next
            logger.exception("scan %s is passed by", key)
            self._idle(f"scan {key} is passed by: {type(error).__name__}: {error}")
        return True

    def _copy(self, live: LiveScan, store: DataStore, tag: str, stop: threading.Event) -> bool:
        patience = self.settings.redis.model_copy(update={"retry_s": PATIENCE_S})
        writer = FrameWriter(self.redis, live.header(self.roi_px), patience, stop)
        header = writer.open()
        if FrameReader(self.redis, header.key, away_s=PATIENCE_S).state() != "open":
            return True  # an earlier run closed it and ended before it could say so
        self._teller.scan(header.key, f"following {header.name}: {header.title}", header.n_frames)
        over = ScanCopy(live, writer, self._teller, lambda: _newer_scan(store, tag, live)).run(stop)
        if over:
            self._idle(f"waiting for a scan; the last one was {header.name}")
        return over

    def _prepared(self, live: LiveScan, store: DataStore, tag: str, stop: threading.Event) -> bool:
        """Wait for the streams; False if the scan ended, or another began, before there were any."""
        while not live.prepared and not stop.wait(POLL_S):
            live.update()
            if not live.prepared and _newer_scan(store, tag, live):
                return False
        return live.prepared

    # ---- where it stands
    def _position(self, store: DataStore) -> str:
        """The kept time tag; at the very first start, the one before the scan that is being measured."""
        kept = self.redis.get(POSITION)
        if kept is not None:
            return str(kept.decode())
        try:
            tag, key = store.get_last_scan()
            running = store.get_scans_state([key])[key] < ScanState.CLOSED
        except NoScanAvailable:
            tag, running = "0-0", False
        position = _before(tag) if running else tag
        self._keep(position)
        return position

    def _keep(self, tag: str) -> None:
        self.redis.set(POSITION, tag)

    # ---- what is away
    def _store(self) -> DataStore:
        try:
            return DataStore(self.settings.ingest.blissdata_url)
        except RuntimeError as error:  # a Redis that no BLISS has set up yet, or another protocol
            raise NotBlissdata(str(error)) from error

    def _fault(self, error: Exception, stop: threading.Event) -> None:
        message = str(error)
        if not isinstance(error, StreamUnavailable):
            message = f"blissdata at {self.settings.ingest.blissdata_url} is away: {error}"
            try:
                self.redis.ping()
            except AWAY as own:
                message = f"Redis at {self.settings.redis.url} is away: {own}"
        if self._teller.status.state != "fault":
            logger.warning("%s", message)
            self._teller.state("fault", f"{message}; the ingest goes on when it is back")
        stop.wait(AWAY_PAUSE_S)

    def _idle(self, message: str) -> None:
        if self._teller.status.state != "idle" or message != "waiting for a scan":
            self._teller.state("idle", message)


def _newer_scan(store: DataStore, tag: str, live: LiveScan) -> bool:
    """True if the session of this scan has begun another one since."""
    since = tag
    while True:
        try:
            since, key = store.get_next_scan(since=since, block=False)
            if store.load_scan(key).session == live.scan.session:
                return True
        except NoScanAvailable:
            return False
        except ScanLoadError:
            continue


def _before(tag: str) -> str:
    first, second = (int(part) for part in tag.split("-"))
    return f"{first}-{second - 1}" if second else f"{first - 1}-{2**64 - 1}"
