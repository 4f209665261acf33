"""How far the ingest is, for whoever looks."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from redis import Redis

from braggline_service.streams import bytes_buffered, counts

TELL_EVERY_S = 0.25
RATE_OVER_S = 2.0

IngestState = Literal["starting", "idle", "following", "fault", "stopped"]


@dataclass(frozen=True, eq=False)
class IngestStatus:
    """The scan that is followed, or was followed last.

    expected: announced by BLISS, 0 if not known. missing: given up for good. lag_frames: acquired and not published
    yet. bytes_buffered: pixels in Redis, of all scans. last_frame: (rows, columns), published last. message: one line.
    """

    state: IngestState
    message: str = ""
    scan: str = ""
    expected: int = 0
    acquired: int = 0
    published: int = 0
    missing: int = 0
    lag_frames: int = 0
    frame_rate_hz: float = 0.0
    bytes_buffered: int = 0
    last_frame: NDArray[np.generic] | None = None


class Teller:
    """Hands on a status when it says something new, and while frames come not more often than TELL_EVERY_S."""

    def __init__(self, on_change: Callable[[IngestStatus], None]) -> None:
        self.status = IngestStatus("starting", "starting")
        self._on_change = on_change
        self._told_at = -np.inf
        self._times: deque[float] = deque()

    def state(self, state: IngestState, message: str) -> None:
        """What the ingest does now; the counts of the last scan stay."""
        if (state, message) != (self.status.state, self.status.message):
            rate = self.status.frame_rate_hz if state == "following" else 0.0
            self._tell(replace(self.status, state=state, message=message, frame_rate_hz=rate))

    def scan(self, scan: str, message: str, expected: int) -> None:
        """A scan is followed from now on."""
        self._times.clear()
        self._tell(IngestStatus("following", message, scan, expected))

    def frame(self, image: NDArray[np.generic] | None) -> None:
        """One frame was published, by value or (None) by reference."""
        now = time.monotonic()
        self._times.append(now)
        while self._times and self._times[0] < now - RATE_OVER_S:
            self._times.popleft()
        if image is not None:
            self.status = replace(self.status, last_frame=image)

    def progress(self, redis: Redis, acquired: int, always: bool = False) -> None:
        """Count again, if it is time."""
        now = time.monotonic()
        if not always and now - self._told_at < TELL_EVERY_S:
            return
        counted = counts(redis, self.status.scan)
        self._tell(
            replace(
                self.status,
                expected=counted.expected,
                acquired=acquired,
                published=counted.published,
                missing=counted.missing,
                lag_frames=max(acquired - counted.published, 0),
                frame_rate_hz=self._rate_hz(now),
                bytes_buffered=bytes_buffered(redis),
            )
        )

    def _rate_hz(self, now: float) -> float:
        recent = [at for at in self._times if at > now - RATE_OVER_S]
        return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 and recent[-1] > recent[0] else 0.0

    def _tell(self, status: IngestStatus) -> None:
        self.status = status
        self._told_at = time.monotonic()
        self._on_change(status)
