"""Which scans are open, what was counted, and when frames may go."""

from __future__ import annotations

import time
from dataclasses import dataclass

from redis import Redis

from braggline_models.errors import BadInput
from braggline_service.messages import ScanHeader, State
from braggline_service.streams.keys import BYTES, COMMITTED, OPEN, Keys

SCANS_KEPT = 1  # committed scans whose frames stay, so that the last result can be made again


@dataclass(frozen=True)
class Counts:
    """Frames of one scan.

    expected: announced, or acquired where nothing was announced. published: in the stream. processed: handed on by
    the reader. missing: announced or acquired and never published, or published and unreadable; it is known once the
    scan is closed. What an aborted scan did not measure is not missing.
    """

    expected: int
    acquired: int
    published: int
    processed: int
    missing: int


def open_scan(redis: Redis, header: ScanHeader) -> ScanHeader:
    """Announce a scan. One that is there already is left as it is, and its own header comes back."""
    keys = Keys(header.key)
    if redis.exists(keys.header) == 0:
        with redis.pipeline(transaction=True) as pipe:
            pipe.set(keys.header, header.model_dump_json(), nx=True)
            pipe.hsetnx(keys.state, "state", "open")
            pipe.zadd(OPEN, {header.key: time.time()}, nx=True)
            pipe.execute()
    return read_header(redis, header.key) or header


def read_header(redis: Redis, scan: str) -> ScanHeader | None:
    """What the scan announced; None if it is not in Redis. BadInput if another version of the program wrote it."""
    raw = redis.get(Keys(scan).header)
    return ScanHeader.received(raw, f"header of scan '{scan}'") if raw is not None else None


def open_scans(redis: Redis) -> list[str]:
    """Scans that wait for a result, oldest first."""
    return [name.decode() for name in redis.zrange(OPEN, 0, -1)]


def close_scan(redis: Redis, scan: str, state: State, acquired: int) -> None:
    """No more frames come. Done twice it changes nothing."""
    redis.hset(Keys(scan).state, mapping={"acquired": acquired, "state": state})


def counts(redis: Redis, scan: str) -> Counts:
    """What is known of the frames of `scan`; all zero if it is not in Redis."""
    keys = Keys(scan)
    with redis.pipeline(transaction=True) as pipe:
        pipe.hgetall(keys.state)
        for bitmap in (keys.published, keys.processed, keys.unreadable):
            pipe.bitcount(bitmap)
        raw, published, processed, unreadable = pipe.execute()
    header = read_header(redis, scan)
    announced = header.n_frames if header else 0
    state = raw.get(b"state", b"open").decode()
    acquired = max(int(raw.get(b"acquired", 0)), published)
    due = {"open": 0, "complete": max(announced, acquired), "aborted": acquired}[state]
    return Counts(announced or acquired, acquired, published, processed, max(due - published, 0) + unreadable)


def bytes_buffered(redis: Redis) -> int:
    """Frame bytes in Redis now, of all scans."""
    return sum(int(held) for held in redis.hvals(BYTES))


def commit(redis: Redis, scan: str) -> None:
    """The result of `scan` is safe: its frames may go, all but those of the last SCANS_KEPT scans."""
    with redis.pipeline(transaction=True) as pipe:
        pipe.zrem(OPEN, scan)
        pipe.lrem(COMMITTED, 0, scan)
        pipe.rpush(COMMITTED, scan)
        pipe.execute()
    release_committed(redis, keep=SCANS_KEPT)


def release_committed(redis: Redis, keep: int = 0) -> None:
    """Let the frames of committed scans go, all but the last `keep` scans."""
    for name in redis.lrange(COMMITTED, 0, -keep - 1):
        if redis.lrem(COMMITTED, 0, name):  # not if it was reopened meanwhile
            remove(redis, name.decode())


def reopen(redis: Redis, scan: str) -> None:
    """Let the result of `scan` be made again. BadInput if its frames are gone."""
    keys = Keys(scan)
    if not redis.exists(keys.header):
        raise BadInput(f"{scan}: its frames are no longer kept; use `braggline reconstruct` on its file")
    with redis.pipeline(transaction=True) as pipe:
        pipe.lrem(COMMITTED, 0, scan)
        pipe.delete(keys.processed)
        pipe.zadd(OPEN, {scan: time.time()})
        pipe.execute()


def remove(redis: Redis, scan: str) -> None:
    """Forget `scan` and give its bytes back to the budget."""
    with redis.pipeline(transaction=True) as pipe:
        pipe.delete(*Keys(scan).all)
        pipe.hdel(BYTES, scan)
        pipe.zrem(OPEN, scan)
        pipe.lrem(COMMITTED, 0, scan)
        pipe.execute()
