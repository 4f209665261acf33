"""Frames a second into and out of the service's Redis, compressed; from memory, and from blissdata by the ingest."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
from blissdata.redis_engine.store import DataStore
from blissdata.streams.default import Stream
from numpy.typing import NDArray
from redis import Redis

from braggline_service.bench.private_redis import blissdata_modules, private_redis
from braggline_service.connection import connect
from braggline_service.ingest import Ingest, IngestStatus
from braggline_service.messages import DetectorInfo, ScanHeader
from braggline_service.settings import RedisSettings, Settings, load_settings
from braggline_service.streams import FrameReader, FrameWriter, bytes_buffered, remove

SHAPE = (516, 516)
DTYPES = ("uint16", "uint32")
DIFFERENT = 32  # frames that are repeated: making them is not what is measured
GIVE_UP_S = 300.0


def run(frames: int) -> dict[str, Any]:
    """{"rows": [...]}: one row for each dtype and source; a source that cannot be had gives a reason instead."""
    rows: list[dict[str, Any]] = []
    with private_redis() as url:
        settings = load_settings(overrides={"redis.url": url})
        for dtype in DTYPES:
            rows.append(from_memory(settings.redis, frames, dtype))
        modules = blissdata_modules()
        if not modules:
            return {"rows": rows, "blissdata": "not measured: the Redis modules come with .venv-bliss (make env)"}
        with private_redis(modules) as blissdata_url:
            rows += [from_blissdata(url, blissdata_url, frames, dtype) for dtype in DTYPES]
    return {"rows": rows}


def maxipix_frames(dtype: str) -> NDArray[np.generic]:
    """(DIFFERENT, rows, columns) counts as a rocking curve has them: a Bragg peak on an almost empty detector."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    radius_px = np.hypot(rows - 258, columns - 258)
    mean = 3000 * np.exp(-radius_px / 6.0) + 0.02
    return np.random.default_rng(0).poisson(mean, (DIFFERENT, *SHAPE)).astype(dtype)


def from_memory(settings: RedisSettings, frames: int, dtype: str) -> dict[str, Any]:
    """Compress and publish, then read and decompress: one process, one thread of ours."""
    images = maxipix_frames(dtype)
    key = f"bench-{dtype}"
    header = ScanHeader(key=key, name=key, detector=DetectorInfo(name="maxipix", shape_px=SHAPE), n_frames=frames)
    with connect(settings.url) as redis:
        writer = FrameWriter(redis, header, settings)
        writer.open()
        begun, cpu = time.monotonic(), time.process_time()
        for index in range(frames):
            writer.publish(index, images[index % DIFFERENT], {"eta": index * 0.01})
        publish_s, publish_cpu_s = time.monotonic() - begun, time.process_time() - cpu
        writer.close("complete", frames)
        held, begun, read = bytes_buffered(redis), time.monotonic(), 0
        reader = FrameReader(redis, key)
        while not reader.drained:
            read += len(reader.read(1.0))
        read_s = time.monotonic() - begun
        remove(redis, key)
    return {
        "source": "memory", "shape": list(SHAPE), "dtype": dtype, "frames": frames, "frames_read": read,
        "publish_hz": frames / publish_s, "publish_cpu_ms": 1000 * publish_cpu_s / frames, "read_hz": read / read_s,
        "compression": images[0].nbytes * frames / held,
    }  # fmt: skip


def from_blissdata(url: str, blissdata_url: str, frames: int, dtype: str) -> dict[str, Any]:
    """The ingest itself catches up on a scan that blissdata holds: reads, compresses, publishes."""
    settings = load_settings(
        overrides={"redis.url": url, "ingest.blissdata_url": blissdata_url, "ingest.detector": "mpx1x4"}
    )
    with Redis.from_url(blissdata_url) as source:
        source.flushall()
    with connect(url) as redis:
        redis.flushall()
        _scan_in_blissdata(blissdata_url, frames, dtype)
        elapsed_s, status = _followed(settings, redis, frames)
    return {
        "source": "blissdata", "shape": list(SHAPE), "dtype": dtype, "frames": frames,
        "published": status.published, "missing": status.missing, "ingest_hz": status.published / elapsed_s,
    }  # fmt: skip


def _followed(settings: Settings, redis: Redis, frames: int) -> tuple[float, IngestStatus]:
    """Time from the start of the ingest to the end of the scan in its stream."""
    stop, over, told = threading.Event(), threading.Event(), list[IngestStatus]()

    def take(status: IngestStatus) -> None:
        told.append(status)
        if status.state == "idle" and status.published + status.missing >= frames:
            over.set()

    redis.set("braggline:ingest:position", "0-0")
    thread = threading.Thread(target=Ingest(settings, redis, take).run, args=(stop,), daemon=True)
    begun = time.monotonic()
    thread.start()
    done = over.wait(GIVE_UP_S)
    elapsed_s = time.monotonic() - begun
    stop.set()
    thread.join()
    if not done:
        raise RuntimeError(f"the ingest did not finish in {GIVE_UP_S:g} s: {told[-1].message if told else 'no word'}")
    return elapsed_s, told[-2] if told[-1].state == "stopped" else told[-1]


def _scan_in_blissdata(url: str, frames: int, dtype: str) -> None:
    """A finished scan of one axis with a plain 2D stream, as a program without Lima would publish it."""
    store, images = DataStore(url, init_db=True), maxipix_frames(dtype)
    info = {"title": f"ascan eta 0 1 {frames - 1} 0.01", "npoints": frames, "scan_nb": 1, "session_name": "bench"}
    scan = store.create_scan({"name": "ascan", "number": 1, "data_policy": "none", "session": "bench"}, info=info)
    image = scan.create_stream(Stream.make_definition("mpx1x4:image", dtype, SHAPE))
    axis = scan.create_stream(Stream.make_definition("axis:eta", "float64"))
    scan.prepare()
    scan.start()
    for index in range(frames):
        axis.send(index / frames)
        image.send(images[index % DIFFERENT])
    scan.stop()
    scan.info["end_reason"] = "SUCCESS"
    scan.close()
