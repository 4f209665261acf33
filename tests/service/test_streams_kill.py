"""Redis dies with SIGKILL in the middle of a scan and comes back with its append-only file."""

import threading

import numpy as np
import pytest

from braggline_service.connection import connect
from braggline_service.messages import DetectorInfo, ScanHeader
from braggline_service.settings import RedisSettings
from braggline_service.streams import FrameReader, FrameWriter, StreamUnavailable, counts

N = 120
SHAPE = (64, 64)
HEADER = ScanHeader(key="k", name="k", detector=DetectorInfo(name="maxipix", shape_px=SHAPE), n_frames=N)


def image(index):
    return np.random.default_rng(index).poisson(1.0, SHAPE).astype(np.uint32)


def publish_all(server, progress):
    """As the ingest does: what the stream does not hold at the end is published again."""
    with connect(server.url) as redis:
        writer = FrameWriter(redis, HEADER, RedisSettings(url=server.url, retry_s=30.0))
        writer.open()
        while missing := set(range(N)) - writer.published():
            for index in sorted(missing):
                writer.publish(index, image(index), {"eta": index / 10})
                progress[index].set()
        writer.close("complete", N)


def test_every_frame_is_accounted_for(redis_server):
    progress = [threading.Event() for _ in range(N)]
    publishing = threading.Thread(target=publish_all, args=(redis_server, progress))
    frames = []

    def read():
        with connect(redis_server.url) as redis:
            reader = FrameReader(redis, "k")
            while not reader.drained:
                batch = reader.read(0.2)
                reader.mark_processed([f.index for f in batch])
                frames.extend(batch)

    reading = threading.Thread(target=read)
    publishing.start()
    reading.start()
    for kill_at in (10, 60):
        assert progress[kill_at].wait(20.0)
        redis_server.kill()
        redis_server.start()
    publishing.join(60.0)
    reading.join(60.0)
    assert not reading.is_alive()
    assert sorted(f.index for f in frames) == list(range(N))
    for frame in frames:
        np.testing.assert_array_equal(frame.image, image(frame.index))
    with connect(redis_server.url) as redis:
        found = counts(redis, "k")
    assert (found.expected, found.published, found.processed, found.missing) == (N, N, N, 0)


def test_a_redis_that_stays_away_is_told(redis_server):
    with connect(redis_server.url) as redis:
        writer = FrameWriter(redis, HEADER, RedisSettings(url=redis_server.url, retry_s=0.3))
        writer.open()
        redis_server.kill()
        with pytest.raises(StreamUnavailable, match=r"Redis at .* is away .* start it again"):
            writer.publish(0, image(0))


def test_a_writer_that_is_stopped_does_not_wait(redis_server):
    stop = threading.Event()
    stop.set()
    with connect(redis_server.url) as redis:
        writer = FrameWriter(redis, HEADER, RedisSettings(url=redis_server.url, retry_s=600.0), stop)
        writer.open()
        redis_server.kill()
        with pytest.raises(StreamUnavailable):
            writer.publish(0, image(0))
