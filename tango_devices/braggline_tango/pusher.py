"""The one thread of a device that pushes events: it waits for news, and pushes no more than a panel can draw."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from redis.exceptions import RedisError
from tango import EnsureOmniThread

from braggline_service.board import Board

logger = logging.getLogger(__name__)

PERIOD_S = 0.15  # between two deliveries: at most 7 pictures a second, and always the last one
IDLE_S = 0.5  # without news the device still looks at its clocks this often
AWAY_S = 0.5  # between two tries while Redis is away


class BoardWait:
    """Blocks until the board changes; after an error it starts anew, and says that everything changed."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._position = ""

    def __call__(self, timeout_s: float) -> bool:
        try:
            if not self._position:
                self._position = self._board.position()
                return True
            self._position, changes = self._board.wait(self._position, timeout_s)
            return bool(changes)
        except RedisError:
            self._position = ""
            raise


class Pusher(threading.Thread):
    """wait(timeout_s) -> something changed; deliver(changed) after it; away(error) while Redis does not answer."""

    def __init__(
        self,
        name: str,
        wait: Callable[[float], bool],
        deliver: Callable[[bool], None],
        away: Callable[[Exception], None],
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.ended = threading.Event()
        self._wait, self._deliver, self._away = wait, deliver, away

    def run(self) -> None:
        with EnsureOmniThread():
            changed, delivered_at = True, 0.0
            while not self.ended.is_set():
                rest = PERIOD_S - (time.monotonic() - delivered_at)
                try:
                    changed |= self._wait(max(rest, 0.01) if changed else IDLE_S)
                    if changed and time.monotonic() - delivered_at < PERIOD_S:
                        continue
                    self._deliver(changed)
                    changed, delivered_at = False, time.monotonic()
                except RedisError as error:
                    self._away(error)
                    changed = True
                    self.ended.wait(AWAY_S)
                except Exception as error:  # the device lives on, and says so
                    logger.exception("%s: a delivery failed", self.name)
                    self._away(error)
                    changed = True
                    self.ended.wait(AWAY_S)

    def close(self) -> None:
        """Ask it to end and wait for it, but no longer than a stuck event channel deserves."""
        self.ended.set()
        if self is not threading.current_thread():
            self.join(5.0)
