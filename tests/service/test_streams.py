"""Frames through a real Redis: every frame arrives once, by its index, and is counted."""

import h5py
import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_service.connection import connect
from braggline_service.messages import DetectorInfo, Reference, ScanHeader
from braggline_service.settings import RedisSettings
from braggline_service.streams import (
    FrameReader,
    FrameWriter,
    ScanGone,
    bytes_buffered,
    commit,
    counts,
    open_scans,
    remove,
    reopen,
)
from braggline_service.streams.keys import Keys

SHAPE = (20, 30)


def image(index, seed=0):
    return np.random.default_rng([seed, index]).poisson(2.0, SHAPE).astype(np.uint16)


def header(key="scan1", n_frames=10):
    return ScanHeader(key=key, name=key, detector=DetectorInfo(name="maxipix", shape_px=SHAPE), n_frames=n_frames)


@pytest.fixture
def redis(redis_server):
    with connect(redis_server.url) as client:
        yield client


@pytest.fixture
def writer_of(redis, redis_server):
    def opened(scan, **settings):
        writer = FrameWriter(redis, scan, RedisSettings(url=redis_server.url, **settings))
        writer.open()
        return writer

    return opened


def read_all(redis, key, **options):
    reader, frames = FrameReader(redis, key, **options), []
    while not reader.drained:
        batch = reader.read(0.2)
        reader.mark_processed([frame.index for frame in batch])
        frames += batch
    return frames


def test_round_trip(redis, writer_of):
    writer = writer_of(header())
    for index in range(10):
        writer.publish(index, image(index), {"eta": 15 + index / 10}, monitor=100.0 + index)
    writer.close("complete", 10)
    frames = read_all(redis, "scan1")
    assert [f.index for f in frames] == list(range(10))
    for frame in frames:
        np.testing.assert_array_equal(frame.image, image(frame.index))
        assert frame.image.dtype == np.uint16
        assert frame.positions == {"eta": 15 + frame.index / 10}
        assert frame.monitor == 100.0 + frame.index
    found = counts(redis, "scan1")
    assert (found.expected, found.acquired, found.published, found.processed, found.missing) == (10, 10, 10, 10, 0)
    assert FrameReader(redis, "scan1").header() == header()


def test_out_of_order_and_twice(redis, writer_of):
    writer = writer_of(header())
    for index in (7, 3, 3, 0, 9, 7, 1):
        writer.publish(index, image(index))
    assert writer.published() == {0, 1, 3, 7, 9}
    assert redis.xlen(Keys("scan1").frames) == 5
    redis.setbit(Keys("scan1").published, 3, 0)  # as two writers that do not know of each other
    writer.publish(3, image(3))
    writer.close("complete", 10)
    assert [f.index for f in read_all(redis, "scan1")] == [7, 3, 0, 9, 1]
    assert counts(redis, "scan1").missing == 5


def test_a_second_reader_replays_everything(redis, writer_of):
    writer = writer_of(header())
    for index in range(5):
        writer.publish(index, image(index))
    first = FrameReader(redis, "scan1")
    assert len(first.read(0.2)) == 5
    assert not first.drained
    writer.publish(5, image(5))
    assert [f.index for f in first.read(0.2)] == [5]
    writer.close("aborted", 6)
    assert [f.index for f in read_all(redis, "scan1")] == list(range(6))
    assert first.read(0.2) == []
    assert first.drained
    assert first.state() == "aborted"
    assert counts(redis, "scan1").missing == 0  # what an aborted scan did not measure is not missing


def test_a_position_that_is_not_known_is_absent(redis, writer_of):
    writer = writer_of(header())
    writer.publish(0, image(0), {"eta": float("nan"), "phi": 1.0})
    writer.close("complete", 1)
    assert read_all(redis, "scan1")[0].positions == {"phi": 1.0}


def test_open_until_committed_and_the_last_one_stays_for_another_go(redis, writer_of):
    for key in ("a", "b"):
        writer = writer_of(header(key))
        writer.publish(0, image(0))
        writer.close("complete", 1)
    assert open_scans(redis) == ["a", "b"]
    commit(redis, "a")
    writer_of(header("a"))  # an ingest that comes back does not open it again
    assert open_scans(redis) == ["b"]
    reopen(redis, "a")
    assert set(open_scans(redis)) == {"a", "b"}
    commit(redis, "a")
    commit(redis, "b")
    assert open_scans(redis) == []
    assert len(read_all(redis, "b")) == 1
    with pytest.raises(BadInput, match="no longer kept"):
        reopen(redis, "a")
    with pytest.raises(BadInput, match="not in Redis"):
        FrameReader(redis, "a").header()


def test_bytes_leave_with_the_scan(redis, writer_of):
    writer = writer_of(header())
    writer.publish(0, image(0))
    held = bytes_buffered(redis)
    assert 0 < held < image(0).nbytes + 100
    writer.publish(0, image(0))
    assert bytes_buffered(redis) == held
    remove(redis, "scan1")
    remove(redis, "scan1")
    assert bytes_buffered(redis) == 0
    assert redis.keys("braggline:scan*") == []
    with pytest.raises(ScanGone):
        writer.publish(1, image(1))


def test_past_the_budget_the_file_holds_the_pixels(redis, writer_of, tmp_path):
    path, stack = tmp_path / "lima.h5", np.stack([image(i) for i in range(10)])
    writer = writer_of(header(), byte_budget=2000)
    for index in range(10):
        if writer.over_budget():
            writer.publish_reference(index, {"eta": float(index)}, Reference(file=str(path), dataset="d", index=index))
        else:
            writer.publish(index, stack[index], {"eta": float(index)})
    assert bytes_buffered(redis) < 3000
    writer.close("complete", 10)
    reader, frames = FrameReader(redis, "scan1"), []
    while batch := reader.read(0.01):
        frames += batch
    assert 0 < len(frames) < 10
    assert not reader.drained
    with h5py.File(path, "w") as file:  # the detector writes its file only now, and not all at once
        lima = file.create_dataset("d", stack.shape, stack.dtype, chunks=(1, *SHAPE))
        lima[:9] = stack[:9]
    frames += reader.read(0.01)
    assert len(frames) == 9
    assert not reader.drained
    with h5py.File(path, "a") as file:
        file["d"][9] = stack[9]
    frames += reader.read(0.01)
    reader.read(0.01)
    assert reader.drained
    np.testing.assert_array_equal(np.stack([f.image for f in sorted(frames, key=lambda f: f.index)]), stack)


def test_committed_scans_make_room_first(redis, writer_of):
    done = writer_of(header("done"))
    done.publish(0, image(0))
    done.close("complete", 1)
    commit(redis, "done")
    writer = writer_of(header("next"), byte_budget=100)
    assert not writer.over_budget()
    assert bytes_buffered(redis) == 0


def test_a_reference_into_nothing_is_missing(redis, writer_of, tmp_path):
    writer = writer_of(header(n_frames=2))
    writer.publish(0, image(0))
    writer.publish_reference(1, {}, Reference(file=str(tmp_path / "none.h5"), dataset="d", index=1))
    writer.close("complete", 2)
    assert [f.index for f in read_all(redis, "scan1", files_s=0.1)] == [0]
    found = counts(redis, "scan1")
    assert (found.published, found.processed, found.missing) == (2, 1, 1)


def test_a_damaged_frame_is_missing(redis, writer_of):
    writer = writer_of(header(n_frames=2))
    writer.publish(0, image(0))
    [(_, entry)] = redis.xrange(Keys("scan1").frames)
    broken = entry[b"header"].replace(b'"index":0', b'"index":1')
    redis.xadd(Keys("scan1").frames, {"header": broken, "data": entry[b"data"][:-3]})
    redis.setbit(Keys("scan1").published, 1, 1)
    writer.close("complete", 2)
    assert [f.index for f in read_all(redis, "scan1")] == [0]
    assert counts(redis, "scan1").missing == 1


def test_a_header_of_another_version_is_told(redis, writer_of):
    writer_of(header())
    redis.set(Keys("scan1").header, b'{"schema_version": 2}')
    with pytest.raises(BadInput, match="not what this version reads"):
        FrameReader(redis, "scan1").header()


def test_a_window_of_the_file(redis, writer_of, tmp_path):
    path = tmp_path / "lima.h5"
    with h5py.File(path, "w") as file:
        file["d"] = np.arange(600, dtype=np.uint32).reshape(1, 20, 30)
    writer = writer_of(header(n_frames=1))
    writer.publish_reference(0, {}, Reference(file=str(path), dataset="d", index=0, roi_px=(2, 5, 10, 14)))
    writer.close("complete", 1)
    expected = np.arange(600).reshape(20, 30)[2:5, 10:14]
    np.testing.assert_array_equal(read_all(redis, "scan1")[0].image, expected)
