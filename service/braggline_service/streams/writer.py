"""The writing end: each frame once, whatever happens in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from redis import Redis

from braggline_service.codec import CODEC, encode
from braggline_service.connection import AWAY
from braggline_service.messages import FrameHeader, Reference, ScanHeader
from braggline_service.settings import RedisSettings
from braggline_service.streams.keys import BYTES, Keys
from braggline_service.streams.ledger import open_scan

T = TypeVar("T")
PAUSE_S = 0.2


class StreamUnavailable(RuntimeError):
    """Redis stayed away longer than redis.retry_s: start it again; the scan is then taken up where it was left."""


class FrameWriter:
    """Publishes the frames of one scan by index. A frame is in the stream and in the bitmap, or in neither."""

    def __init__(
        self, redis: Redis, header: ScanHeader, settings: RedisSettings, stop: threading.Event | None = None
    ) -> None:
        self.redis = redis
        self.header = header
        self.settings = settings
        self._keys = Keys(header.key)
        self._stop = stop or threading.Event()

    def open(self) -> None:
        """Announce the scan; a scan that is already there is taken up."""
        self._tried(lambda: open_scan(self.redis, self.header))

    def publish(
        self, index: int, image: NDArray[np.generic], positions: Mapping[str, float], monitor: float | None = None
    ) -> None:
        """Put frame `index` into the stream, compressed; an index that is there already is left alone."""
        header = FrameHeader(
            scan=self.header.key, index=index, positions=positions, monitor=monitor,
            shape=(image.shape[0], image.shape[1]), dtype=image.dtype.str, codec=CODEC,
        )  # fmt: skip
        self._add(header, encode(image))

    def publish_reference(
        self, index: int, positions: Mapping[str, float], reference: Reference, monitor: float | None = None
    ) -> None:
        """Put the place of frame `index` on disk into the stream instead of its pixels."""
        header = FrameHeader(
            scan=self.header.key, index=index, positions=positions, monitor=monitor, reference=reference
        )
        self._add(header, b"")

    def acquired(self, n: int) -> None:
        """Tell how many frames the detector has taken."""
        self._tried(lambda: self.redis.hset(self._keys.state, "acquired", n))

    def close(self, state: str, acquired: int) -> None:
        """No more frames come: 'complete' or 'aborted'."""
        mapping: dict[str, Any] = {"acquired": acquired, "state": state}
        self._tried(lambda: self.redis.hset(self._keys.state, mapping=mapping))

    def published(self) -> set[int]:
        """The indices that are in the stream."""
        raw = self._tried(lambda: self.redis.get(self._keys.published)) or b""
        bits = np.unpackbits(np.frombuffer(raw, np.uint8))
        return {int(i) for i in np.flatnonzero(bits)}

    @property
    def over_budget(self) -> bool:
        """True when Redis holds as many frame bytes as it may: publish references."""
        return int(self._tried(lambda: self.redis.get(BYTES)) or 0) >= self.settings.byte_budget

    def _add(self, header: FrameHeader, data: bytes) -> None:
        entry: dict[Any, Any] = {"header": header.model_dump_json(exclude_defaults=True), "data": data}

        def transaction() -> None:
            if self.redis.getbit(self._keys.published, header.index):
                return
            with self.redis.pipeline(transaction=True) as pipe:
                pipe.xadd(self._keys.frames, entry)
                pipe.setbit(self._keys.published, header.index, 1)
                pipe.hincrby(self._keys.state, "bytes", len(data))
                pipe.incrby(BYTES, len(data))
                pipe.execute()

        self._tried(transaction)

    def _tried(self, action: Callable[[], T]) -> T:
        """`action`, again and again while Redis is away. Doing it twice is harmless: see `_add`."""
        deadline = time.monotonic() + self.settings.retry_s
        while True:
            try:
                return action()
            except AWAY as error:
                if time.monotonic() > deadline or self._stop.wait(PAUSE_S):
                    raise StreamUnavailable(
                        f"{self.header.name}: Redis at {self.settings.url} is away ({error}); start it again"
                    ) from error
