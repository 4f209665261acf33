"""The reading end: always from the first frame, each index once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from redis import Redis

from braggline_models.errors import BadInput
from braggline_service.codec import decode
from braggline_service.connection import AWAY
from braggline_service.messages import FrameHeader, ScanHeader
from braggline_service.sources.lima_files import read_reference
from braggline_service.streams.keys import Keys

logger = logging.getLogger(__name__)
T = TypeVar("T")
BATCH = 32
AWAY_FOR_S = 120.0
PAUSE_S = 0.2


@dataclass(frozen=True)
class Frame:
    """One frame: index, positions of the scanned axes, monitor, image (n_rows, n_cols)."""

    index: int
    positions: Mapping[str, float]
    monitor: float | None
    image: NDArray[np.generic]


class FrameReader:
    """Reads one scan's stream; Redis may be killed and come back meanwhile, with what its append-only file kept."""

    def __init__(self, redis: Redis, scan: str) -> None:
        self.redis = redis
        self.scan = scan
        self.drained = False
        self._keys = Keys(scan)
        self._last = "0-0"
        self._seen: set[int] = set()
        self._waiting: list[FrameHeader] = []

    def header(self) -> ScanHeader:
        """What the scan announced. BadInput if there is no such scan."""
        raw = self._tried(lambda: self.redis.get(self._keys.header))
        if raw is None:
            raise BadInput(f"scan '{self.scan}' is not in Redis; it was removed, or never announced")
        return ScanHeader.model_validate_json(raw)

    def state(self) -> str:
        """'open', 'complete' or 'aborted'."""
        raw = self._tried(lambda: self.redis.hget(self._keys.state, "state"))
        return raw.decode() if raw else "open"

    def read(self, timeout_s: float) -> list[Frame]:
        """The next frames, none after `timeout_s`; sets `drained` once the closed stream has no more."""
        state = self.state()
        entries = self._tried(lambda: self._next(timeout_s if state == "open" else 0.0))
        frames = []
        for identifier, fields in entries:
            self._last = identifier.decode()
            header = FrameHeader.model_validate_json(fields[b"header"])
            if header.index in self._seen:
                continue
            self._seen.add(header.index)
            if header.reference is not None:
                self._waiting.append(header)
            else:
                frames.append(_frame(header, decode(fields[b"data"], header.shape, header.dtype)))
        frames += self._from_files(final=not entries and state != "open")
        self.drained = not entries and state != "open" and not self._waiting
        return frames

    def mark_processed(self, indices: Iterable[int]) -> None:
        """Count these frames as processed; done twice it changes nothing."""

        def mark() -> None:
            with self.redis.pipeline(transaction=True) as pipe:
                for index in indices:
                    pipe.setbit(self._keys.processed, index, 1)
                pipe.execute()

        self._tried(mark)

    def _next(self, timeout_s: float) -> list[tuple[bytes, dict[bytes, bytes]]]:
        block = max(1, int(timeout_s * 1000)) if timeout_s > 0 else None
        answer: Any = self.redis.xread({self._keys.frames: self._last}, count=BATCH, block=block)
        return list(answer[0][1]) if answer else []

    def _from_files(self, final: bool) -> list[Frame]:
        """Frames that were published by reference: their file may be readable only once the detector closed it."""
        frames, later = [], []
        for header in self._waiting:
            assert header.reference is not None
            image = read_reference(header.reference, wait_s=30.0 if final else 0.0)
            if image is None:
                later.append(header)
            else:
                frames.append(_frame(header, image))
        if final and later:
            logger.warning("%s: %d frames are not in %s", self.scan, len(later), later[0].reference)
            later = []
        self._waiting = later
        return frames

    def _tried(self, action: Callable[[], T]) -> T:
        deadline = time.monotonic() + AWAY_FOR_S
        while True:
            try:
                return action()
            except AWAY:
                if time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE_S)


def _frame(header: FrameHeader, image: NDArray[np.generic]) -> Frame:
    return Frame(header.index, header.positions, header.monitor, image)
