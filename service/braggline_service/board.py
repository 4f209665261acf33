"""The board: the latest result of every scan in Redis, for whoever looks (Tango devices, shell, tests).

A snapshot replaces the one before it; a note on the change stream says that it did. Readers who come late read the
snapshot, readers who wait block on the change stream. Arrays travel as .npy bytes, never pickled.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from redis import Redis

PREFIX = "braggline"
CHANGES = f"{PREFIX}:changes"
CHANGES_KEPT = 10_000  # notes only: the state itself is in the snapshots
SNAPSHOTS_KEPT = 100  # scans whose snapshot stays; their files stay for good
STAGES = ("waiting", "following", "phasing", "final", "failed", "aborted")


@dataclass(frozen=True)
class Snapshot:
    """What is known of one scan now.

    values: frames_expected, frames_acquired, frames_published, frames_used, frames_missing, free_llk, resolution_m,
            strain_rms, agreement, runs_kept, runs_total, voxels, voxel_size_m, defect_count, latency_s, result_file,
            report, flags (list of str), message (one line); a key is absent until it is known
    arrays: rocking_curve (n_frames,), rocking_angle_deg (n_frames,), and (z, y, x) float32 volumes of the sample frame:
            amplitude, phase_rad, displacement_m, strain, uncertainty, d_spacing_m
    """

    scan: str
    stage: str
    progress: float
    values: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def pack_array(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def unpack_array(data: bytes) -> NDArray[Any]:
    return np.load(io.BytesIO(data), allow_pickle=False)


class Board:
    """Publish and read snapshots, the tuned parameters and the kept documents of the service."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis

    # ---- results
    def publish(self, snapshot: Snapshot) -> None:
        """Replace the scan's snapshot and tell whoever waits; all or nothing."""
        key = f"{PREFIX}:result:{snapshot.scan}"
        head = {"stage": snapshot.stage, "progress": snapshot.progress, "values": dict(snapshot.values)}
        fields: dict[str | bytes, Any] = {f"array:{k}": pack_array(v) for k, v in snapshot.arrays.items()}
        fields["head"] = json.dumps(head)
        with self.redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping=fields)
            pipe.set(f"{PREFIX}:latest", snapshot.scan)
            pipe.zadd(f"{PREFIX}:results", {snapshot.scan: float(self.redis.time()[0])})
            self._note(pipe, "result", snapshot.scan)
            pipe.execute()
        self._drop_old()

    def latest(self, scan: str | None = None) -> Snapshot | None:
        """The snapshot of `scan`, or of the scan published last; None before there is one."""
        name = scan or (self.redis.get(f"{PREFIX}:latest") or b"").decode()
        raw = self.redis.hgetall(f"{PREFIX}:result:{name}") if name else {}
        if not raw:
            return None
        head = json.loads(raw[b"head"])
        arrays = {k.decode()[6:]: unpack_array(v) for k, v in raw.items() if k.startswith(b"array:")}
        return Snapshot(name, head["stage"], head["progress"], head["values"], arrays)

    # ---- documents: parameters that a scientist tunes, the standing recommendation, ...
    def write(self, name: str, document: Mapping[str, Any]) -> None:
        """Keep one JSON document under `name` ('parameters', 'recommendation', ...) and tell whoever waits."""
        with self.redis.pipeline(transaction=True) as pipe:
            pipe.set(f"{PREFIX}:document:{name}", json.dumps(dict(document)))
            self._note(pipe, name, "")
            pipe.execute()

    def read(self, name: str) -> dict[str, Any]:
        """The document kept under `name`; empty if there is none."""
        raw = self.redis.get(f"{PREFIX}:document:{name}")
        return json.loads(raw) if raw else {}

    # ---- waiting
    def wait(self, since: str = "$", timeout_s: float = 1.0) -> tuple[str, list[tuple[str, str]]]:
        """Block for changes after `since`; gives the new position and [(kind, scan), ...], empty on a time-out."""
        answer = self.redis.xread({CHANGES: since}, block=max(1, int(timeout_s * 1000)))
        notes = answer[0][1] if answer else []
        changes = [(fields[b"kind"].decode(), fields[b"scan"].decode()) for _, fields in notes]
        return (notes[-1][0].decode() if notes else since), changes

    def position(self) -> str:
        """Where the change stream stands now, to wait from."""
        last = self.redis.xrevrange(CHANGES, count=1)
        return last[0][0].decode() if last else "0-0"

    def _note(self, pipe: Any, kind: str, scan: str) -> None:
        pipe.xadd(CHANGES, {"kind": kind, "scan": scan}, maxlen=CHANGES_KEPT, approximate=True)

    def _drop_old(self) -> None:
        for name in self.redis.zrange(f"{PREFIX}:results", 0, -SNAPSHOTS_KEPT - 1):
            self.redis.delete(f"{PREFIX}:result:{name.decode()}")
            self.redis.zrem(f"{PREFIX}:results", name)
