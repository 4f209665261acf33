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
from braggline_service.codec import CorruptFrame, decode
from braggline_service.connection import AWAY
from braggline_service.messages import FrameHeader, ScanHeader
from braggline_service.sources.lima_files import read_references
from braggline_service.streams.keys import Keys
from braggline_service.streams.ledger import read_header

logger = logging.getLogger(__name__)
T = TypeVar("T")
BATCH = 32  # frames in one answer: bounds the memory of a reader that is far behind
PAUSE_S = (0.05, 1.0)


@dataclass(frozen=True)
class Frame:
    """One frame: index, positions of the scanned axes, image (rows, columns) cut to the header's ROI, monitor and the
    attenuator's transmission, None where the scan does not tell them."""

    index: int
    positions: Mapping[str, float]
    monitor: float | None
    image: NDArray[np.generic]
    transmission: float | None = None


class FrameReader:
    """Reads one scan's stream; Redis may be killed and come back meanwhile, with what its append-only file kept.

    away_s: how long Redis may be away before its error is raised. files_s: how long after the last entry of a closed
    scan the reader waits for frames that only their file holds.
    """

    def __init__(self, redis: Redis, scan: str, away_s: float = 120.0, files_s: float = 30.0) -> None:
        self.redis = redis
        self.scan = scan
        self.drained = False
        self._keys = Keys(scan)
        self._away_s, self._files_s = away_s, files_s
        self._last = "0-0"
        self._seen: set[int] = set()
        self._processed: set[int] = set()
        self._waiting: dict[int, FrameHeader] = {}
        self._files_until = float("inf")

    def header(self) -> ScanHeader:
        """What the scan announced. BadInput if there is no such scan."""
        header = self._tried(lambda: read_header(self.redis, self.scan))
        if header is None:
            raise BadInput(f"scan '{self.scan}' is not in Redis; it was removed, or never announced")
        return header

    def state(self) -> str:
        """'open', 'complete' or 'aborted'."""
        raw = self._tried(lambda: self.redis.hget(self._keys.state, "state"))
        return raw.decode() if raw else "open"

    def read(self, timeout_s: float) -> list[Frame]:
        """The next frames, at most BATCH of them; none after `timeout_s`. Sets `drained` once there are no more."""
        state = self.state()
        wait_s = timeout_s if state == "open" or self._waiting else 0.0
        entries = self._tried(lambda: self._next(wait_s))
        frames = [frame for identifier, fields in entries if (frame := self._taken(identifier, fields)) is not None]
        if not entries:
            frames = self._from_files()
            if state != "open":
                self._give_up_late()
        self.drained = not entries and state != "open" and not self._waiting
        return frames

    def mark_processed(self, indices: Iterable[int]) -> None:
        """Count these frames as processed; done twice it changes nothing."""
        self._processed |= set(indices)
        self._mark(self._keys.processed, indices)

    def _next(self, timeout_s: float) -> list[tuple[bytes, dict[bytes, bytes]]]:
        block = max(1, int(min(timeout_s, 2.0) * 1000)) if timeout_s > 0 else None  # below the socket's own time-out
        answer: Any = self.redis.xread({self._keys.frames: self._last}, count=BATCH, block=block)
        return list(answer[0][1]) if answer else []

    def _taken(self, identifier: bytes, fields: Mapping[bytes, bytes]) -> Frame | None:
        self._last = identifier.decode()
        header = FrameHeader.received(fields[b"header"], f"a frame of scan '{self.scan}'")
        if header.index in self._seen:
            return None
        self._seen.add(header.index)
        if header.reference is not None:
            self._waiting[header.index] = header
            return None
        try:
            return _frame(header, decode(fields[b"data"], header.shape, header.dtype))
        except CorruptFrame as error:
            logger.warning("%s: frame %d is lost: %s", self.scan, header.index, error)
            self._mark(self._keys.unreadable, [header.index])
            return None

    def _from_files(self) -> list[Frame]:
        """Frames that were published by reference: their file may be readable only once the detector closed it."""
        wanted = [h.reference for h in self._waiting.values() if h.reference is not None]
        images = read_references(wanted, BATCH)
        found = [h for h in self._waiting.values() if h.reference in images]
        for header in found:
            del self._waiting[header.index]
        if found:
            self._mark(self._keys.unreadable, [header.index for header in found], 0)  # an earlier reader gave it up
            self._files_until = float("inf")
        return [_frame(header, images[header.reference]) for header in found if header.reference is not None]

    def _give_up_late(self) -> None:
        """Nothing more comes from Redis and the files stand still: after `files_s` their frames are missing."""
        if not self._waiting:
            return
        self._files_until = min(self._files_until, time.monotonic() + self._files_s)
        if time.monotonic() < self._files_until:
            return
        first = next(iter(self._waiting.values())).reference
        logger.warning("%s: %d frames are not in their files, as %s", self.scan, len(self._waiting), first)
        self._mark(self._keys.unreadable, self._waiting)
        self._waiting = {}

    def _mark(self, bitmap: str, indices: Iterable[int], bit: int = 1) -> None:
        chosen = list(indices)

        def mark() -> None:
            with self.redis.pipeline(transaction=True) as pipe:
                for index in chosen:
                    pipe.setbit(bitmap, index, bit)
                pipe.execute()

        self._tried(mark)

    def _tried(self, action: Callable[[], T]) -> T:
        deadline, pause_s, lost = time.monotonic() + self._away_s, PAUSE_S[0], False
        while True:
            try:
                if lost and self._processed:  # the last second of an append-only file can be lost
                    self._count_again()
                return action()
            except AWAY:
                if time.monotonic() > deadline:
                    raise
                time.sleep(pause_s)
                pause_s, lost = min(2 * pause_s, PAUSE_S[1]), True

    def _count_again(self) -> None:
        with self.redis.pipeline(transaction=True) as pipe:
            for index in self._processed:
                pipe.setbit(self._keys.processed, index, 1)
            pipe.execute()


def _frame(header: FrameHeader, image: NDArray[np.generic]) -> Frame:
    return Frame(header.index, header.positions, header.monitor, image, header.transmission)
