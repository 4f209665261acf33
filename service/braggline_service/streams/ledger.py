"""Which scans are open, what was counted, and when frames may go."""

from __future__ import annotations

import time
from dataclasses import dataclass

from redis import Redis

from braggline_models.errors import BadInput
from braggline_service.messages import ScanHeader
from braggline_service.streams.keys import BYTES, COMMITTED, OPEN, Keys

SCANS_KEPT = 1  # committed scans whose frames stay, so that the last result can be made again


@dataclass(frozen=True)
class Counts:
    """Frames of one scan. missing: acquired or announced, and never published."""

    expected: int
    acquired: int
    published: int
    processed: int
    missing: int


def open_scan(redis: Redis, header: ScanHeader) -> None:
    """Announce a scan; done twice it changes nothing."""
    keys = Keys(header.key)
    with redis.pipeline(transaction=True) as pipe:
        pipe.set(keys.header, header.model_dump_json(), nx=True)
        pipe.hsetnx(keys.state, "state", "open")
        pipe.zadd(OPEN, {header.key: time.time()}, nx=True)
        pipe.execute()


def open_scans(redis: Redis) -> list[str]:
    """Scans that wait for a result, oldest first."""
    return [name.decode() for name in redis.zrange(OPEN, 0, -1)]


def counts(redis: Redis, scan: str) -> Counts:
    """What is known of the frames of `scan`."""
    keys = Keys(scan)
    raw = redis.get(keys.header)
    expected = ScanHeader.model_validate_json(raw).n_frames if raw else 0
    state = {k.decode(): v.decode() for k, v in redis.hgetall(keys.state).items()}
    published = int(redis.bitcount(keys.published))
    acquired = max(int(state.get("acquired", 0)), published)
    total = acquired if state.get("state", "open") != "open" else max(expected, acquired)
    missing = max(total - published, 0) if state.get("state") in ("complete", "aborted") else 0
    if state.get("state") == "complete" and expected:
        missing = max(expected - published, missing)
    return Counts(expected or total, acquired, published, int(redis.bitcount(keys.processed)), missing)


def commit(redis: Redis, scan: str) -> None:
    """The result of `scan` is safe: its frames may go, all but those of the last SCANS_KEPT scans."""
    with redis.pipeline(transaction=True) as pipe:
        pipe.zrem(OPEN, scan)
        pipe.lrem(COMMITTED, 0, scan)
        pipe.rpush(COMMITTED, scan)
        pipe.execute()
    for old in redis.lrange(COMMITTED, 0, -SCANS_KEPT - 1):
        remove(redis, old.decode())


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
    """Forget the frames of `scan` and give their bytes back to the budget."""
    keys = Keys(scan)
    held = int(redis.hget(keys.state, "bytes") or 0)
    with redis.pipeline(transaction=True) as pipe:
        pipe.delete(*keys.all)
        pipe.decrby(BYTES, held)
        pipe.zrem(OPEN, scan)
        pipe.lrem(COMMITTED, 0, scan)
        pipe.execute()
