"""The thread that does a device's work; what ends it unasked is kept to be told in the device's status."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from tango import EnsureOmniThread

logger = logging.getLogger(__name__)

END_S = 15.0  # a worker process is given so long to go


class Work(threading.Thread):
    """Runs `run(stop)` until `close`. `failure` is '' as long as nothing went wrong."""

    def __init__(self, name: str, run: Callable[[threading.Event], None], on_end: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self.stop = threading.Event()
        self.failure = ""
        self._work, self._on_end = run, on_end

    def run(self) -> None:
        with EnsureOmniThread():
            try:
                self._work(self.stop)
            except Exception as error:
                logger.exception("%s ended", self.name)
                self.failure = f"{type(error).__name__}: {' '.join(str(error).split())}"
            finally:
                self._on_end()

    def close(self) -> None:
        self.stop.set()
        self.join(END_S)
