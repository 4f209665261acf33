"""The writing end: each frame once, whatever happens in between."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from redis import Redis

from braggline_service.codec import CODEC, encode, wire_dtype
from braggline_service.connection import AWAY
from braggline_service.messages import FrameHeader, Reference, ScanHeader, State
from braggline_service.settings import RedisSettings
from braggline_service.streams.keys import BYTES, Keys
from braggline_service.streams.ledger import bytes_buffered, close_scan, open_scan, release_committed

T = TypeVar("T")
PAUSE_S = (0.05, 1.0)  # between two tries, doubled from the first to the second


class StreamUnavailable(RuntimeError):
    """Redis stayed away longer than redis.retry_s: start it again; the scan is then taken up where it was left."""


class ScanGone(RuntimeError):
    """The scan was removed from Redis while it was written, by somebody who wants no result of it: write no more."""


class FrameWriter:
    """Publishes the frames of one scan by index. A frame is in the stream and in the bitmap, or in neither.

    Publishing an index again is harmless, so whoever is not sure does it again. Raises StreamUnavailable when Redis
    stays away for settings.retry_s, or `stop` is set while it is away.
    """

    def __init__(
        self, redis: Redis, header: ScanHeader, settings: RedisSettings, stop: threading.Event | None = None
    ) -> None:
        self.redis = redis
        self.header = header
        self.settings = settings
        self._keys = Keys(header.key)
        self._stop = stop or threading.Event()

    def open(self) -> ScanHeader:
        """Announce the scan; one that is there already is taken up with the header that it has."""
        self.header = self._tried(lambda: open_scan(self.redis, self.header))
        return self.header

    def publish(
        self,
        index: int,
        image: NDArray[np.generic],
        positions: Mapping[str, float] | None = None,
        monitor: float | None = None,
        transmission: float | None = None,
    ) -> None:
        """Put frame `index` (rows, columns), already cut to the header's ROI, into the stream; leave a known one."""
        header = FrameHeader(
            scan=self.header.key, index=index, positions=_known(positions), monitor=_finite(monitor),
            transmission=_finite(transmission), shape=(image.shape[0], image.shape[1]), dtype=wire_dtype(image),
            codec=CODEC,
        )  # fmt: skip
        self._add(header, encode(image))

    def publish_reference(
        self,
        index: int,
        positions: Mapping[str, float] | None,
        reference: Reference,
        monitor: float | None = None,
        transmission: float | None = None,
    ) -> None:
        """Put the place of frame `index` on disk into the stream instead of its pixels."""
        header = FrameHeader(
            scan=self.header.key, index=index, positions=_known(positions), monitor=_finite(monitor),
            transmission=_finite(transmission), reference=reference,
        )  # fmt: skip
        self._add(header, b"")

    def acquired(self, n: int) -> None:
        """Tell how many frames the detector has taken."""
        self._tried(lambda: self.redis.hset(self._keys.state, "acquired", n))

    def close(self, state: State, acquired: int) -> None:
        """No more frames come: 'complete' or 'aborted'."""
        self._tried(lambda: close_scan(self.redis, self.header.key, state, acquired))

    def published(self) -> set[int]:
        """The indices that are in the stream."""
        raw = self._tried(lambda: self.redis.get(self._keys.published)) or b""
        return set(np.flatnonzero(np.unpackbits(np.frombuffer(raw, np.uint8))).tolist())

    def over_budget(self) -> bool:
        """True when Redis holds as many frame bytes as it may: publish references. Committed scans go first."""

        def over() -> bool:
            return bytes_buffered(self.redis) >= self.settings.byte_budget

        if not self._tried(over):
            return False
        self._tried(lambda: release_committed(self.redis))
        return self._tried(over)

    def _add(self, header: FrameHeader, data: bytes) -> None:
        entry: dict[Any, Any] = {"header": header.model_dump_json(exclude_defaults=True), "data": data}

        def transaction() -> None:
            with self.redis.pipeline(transaction=False) as pipe:
                pipe.exists(self._keys.header).getbit(self._keys.published, header.index)
                announced, there = pipe.execute()
            if not announced:
                raise ScanGone(f"{self.header.name}: removed from Redis while it was measured")
            if there:
                return
            with self.redis.pipeline(transaction=True) as pipe:
                pipe.xadd(self._keys.frames, entry)
                pipe.setbit(self._keys.published, header.index, 1)
                pipe.hincrby(BYTES, header.scan, len(data))
                pipe.execute()

        self._tried(transaction)

    def _tried(self, action: Callable[[], T]) -> T:
        """`action`, again and again while Redis is away: each one here may be done twice."""
        deadline, pause_s, lost = time.monotonic() + self.settings.retry_s, PAUSE_S[0], False
        while True:
            try:
                if lost:  # a Redis that kept nothing is told of the scan again
                    open_scan(self.redis, self.header)
                return action()
            except AWAY as error:
                if time.monotonic() > deadline or self._stop.wait(pause_s):
                    raise StreamUnavailable(
                        f"{self.header.name}: Redis at {self.settings.url} is away ({error}); start it again"
                    ) from error
                pause_s, lost = min(2 * pause_s, PAUSE_S[1]), True


def _known(positions: Mapping[str, float] | None) -> dict[str, float]:
    """JSON has no NaN: what is not known is left out."""
    return {name: float(value) for name, value in (positions or {}).items() if math.isfinite(value)}


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
