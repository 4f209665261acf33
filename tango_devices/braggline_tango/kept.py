"""What a person tuned: memorised by Tango, and written to the board as soon as Redis is there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

import tango
from redis.exceptions import RedisError
from tango.server import Device

from braggline_service.board import Board

logger = logging.getLogger(__name__)


class Kept:
    """One document of the board. Keys that nobody sets stay absent, so that whoever reads it uses its own default."""

    def __init__(self, document: str) -> None:
        self._document = document
        self._values: dict[str, Any] = {}
        self._due: dict[str, Any] = {}
        self._lock = threading.Lock()

    def get(self, key: str, default: Any) -> Any:
        return self._values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Hold `value`, to be written at the next `sync`; None takes the key away."""
        with self._lock:
            self._values[key] = value
            self._due[key] = value

    def sync(self, board: Board) -> None:
        """Write what is due, take over what somebody else wrote."""
        with self._lock:
            there = board.read(self._document)
            wanted = {key: value for key, value in (there | self._due).items() if value is not None}
            if wanted != there:
                board.write(self._document, wanted)
            self._values, self._due = wanted, {}

    def request_sync(self, board: Board) -> None:
        """Write now if Redis is there; else the next `sync` does."""
        try:
            self.sync(board)
        except RedisError as error:
            logger.warning("%s: kept until Redis is back: %s", self._document, error)


def keep_property(device: Device, name: str, values: Sequence[int]) -> None:
    """Memorise a spectrum, which Tango itself does for scalars only; without a database it lasts until the end."""
    try:
        tango.Database().put_device_property(device.get_name(), {name: [str(v) for v in values]})
    except tango.DevFailed as error:
        logger.info("%s: %s is not memorised: %s", device.get_name(), name, error.args[0].desc)
