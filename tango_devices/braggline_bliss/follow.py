"""The presets: they see every scan with the detector, and cost it no more than the start of a greenlet."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import gevent
from bliss.common.logtools import log_debug, log_warning
from bliss.scanning.chain import ChainPreset
from bliss.scanning.scan import ScanPreset

from braggline_bliss.devices import Devices, Refused, ServiceAway

POLL_S = 1.0
RESULT_WITHIN_S = 600.0
BUSY = ("waiting", "following", "phasing")


class Follower:
    """Looks after the service in the background: is it there, what came out. `metadata` never waits for it."""

    def __init__(self, name: str, devices: Devices) -> None:
        self.name = name
        self._devices = devices
        self._away = False
        self._watch: gevent.Greenlet | None = None
        self._result: dict[str, str] = {}

    def scan_prepares(self) -> None:
        gevent.spawn(self._look)

    def scan_ended(self) -> None:
        if self._watch is None or self._watch.dead:
            self._watch = gevent.spawn(self._await_result)

    def metadata(self, scan: Any) -> dict[str, Any] | None:
        """For the scan's HDF5, under instrument/NAME: the last result and its hash, as far as they are known."""
        return {self.name: {"@NX_class": "NXcollection", **self._result}} if self._result else None

    def _look(self) -> None:
        """One warning when the service goes away, none until it has been back."""
        state, status = self._devices.state("ingest")
        bad = state in ("AWAY", "FAULT", "OFF")
        if bad and not self._away:
            log_warning(self, "bragg: this scan is measured, but not reconstructed: %s", status)
        self._away = bad

    def _await_result(self) -> None:
        try:
            with gevent.Timeout(RESULT_WITHIN_S, False):
                while not self._took_result():
                    gevent.sleep(POLL_S)
        except (ServiceAway, Refused, OSError) as error:
            log_debug(self, "bragg: no result for the record: %s", error)

    def _took_result(self) -> bool:
        read = self._devices.read_many("reconstruction", ("Stage", "ResultFile"))
        if read["Stage"] in BUSY or read["Stage"] is None:
            return False
        if path := read["ResultFile"]:
            digest = gevent.get_hub().threadpool.apply(_sha256, (path,))
            self._result = {"last_result": path} | ({"last_result_sha256": digest} if digest else {})
        return True


class FollowPreset(ChainPreset):
    """Runs inside every scan of the default chain: it starts greenlets and returns, and nothing it does can raise."""

    def __init__(self, follower: Follower, detector: Any) -> None:
        super().__init__()
        self._follower = follower
        self._detector = detector
        self._concerned = False

    def prepare(self, chain: Any) -> None:
        devices = [getattr(node, "device", None) for node in chain.nodes_list]
        self._concerned = any(device is self._detector for device in devices)
        if self._concerned:
            self._follower.scan_prepares()

    def stop(self, chain: Any) -> None:
        if self._concerned:
            self._follower.scan_ended()


class AppliedPreset(ScanPreset):
    """Tells the advisor that a scan has started with its recommendation."""

    def __init__(self, devices: Devices, identifier: str) -> None:
        super().__init__()
        self._devices = devices
        self._identifier = identifier

    def start(self, scan: Any) -> None:
        gevent.spawn(self._tell)

    def _tell(self) -> None:
        try:
            self._devices.command("advisor", "Applied", self._identifier)
        except (ServiceAway, Refused) as error:
            log_warning(self, "bragg: %s", error)


def _sha256(path: str) -> str:
    """'' where this host cannot see the file."""
    if not Path(path).is_file():
        return ""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
