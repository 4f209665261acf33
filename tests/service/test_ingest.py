"""The ingest between two real Redis: blissdata's on one side, the service's on the other."""

import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from blissdata.redis_engine.store import DataStore
from blissdata.streams.default import Stream
from redis import Redis

from braggline_service.ingest import Ingest, copy, start_from_now
from braggline_service.settings import config_dir, load_settings
from braggline_service.streams import FrameReader, counts, open_scans

pytestmark = pytest.mark.bliss
SHAPE = (12, 10)
PATIENCE_S = 20.0


def until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.02)
    return answer


def image(index, mark=0):
    frame = np.random.default_rng(index).integers(0, 1000, SHAPE, dtype=np.uint32)
    frame[0, 0] = 1000 * mark + index
    return frame


class BlissScan:
    """A scan as BLISS publishes it, point by point."""

    def __init__(self, store, number=1, points=20, images=("mpx1x4",), session="id01", counters=(), **info):
        known = {
            "title": f"ascan eta 0 1 {points - 1} 0.1", "npoints": points, "scan_nb": number, "count_time": 0.1,
            "session_name": session, "positioners": {"positioners_start": {"eta": 9.0, "delta": 35.0, "mononrj": 9.0}},
        }  # fmt: skip
        identity = {"name": "ascan", "number": number, "data_policy": "None", "session": session}
        self.scan = store.create_scan(identity, info=known | info)
        self.number, self.points, self.sent, self.placed = number, points, 0, 0
        self.images = [self._stream(f"{name}:image", "uint32", SHAPE) for name in images]
        self.eta = self._stream("axis:eta", "float64")
        self.counters = [self._stream(name, "float64") for name in counters]
        self.scan.prepare()
        self.scan.start()

    @property
    def key(self):
        return self.scan.key

    def _stream(self, name, dtype, shape=()):
        return self.scan.create_stream(Stream.make_definition(name, dtype, shape))

    def frames(self, n, placed=True):
        for _ in range(n):
            for stream in self.images:
                stream.send(image(self.sent, self.number))
            self.sent += 1
        if placed:
            self.positions(n)
        return self

    def positions(self, n):
        for _ in range(n):
            self.eta.send(0.1 * self.placed)
            for k, stream in enumerate(self.counters):
                stream.send(float("nan") if self.placed == 3 else (k + 1) / (self.placed + 2))
            self.placed += 1

    def end(self, reason="SUCCESS"):
        self.scan.stop()
        self.scan.info["end_reason"] = reason
        self.scan.close()
        return self


class Running:
    """An ingest at work, and what it told."""

    def __init__(self, settings, redis):
        self.told, self.stop = [], threading.Event()
        self.ingest = Ingest(settings, redis, self.told.append)
        self.thread = threading.Thread(target=self.ingest.run, args=(self.stop,), daemon=True)
        self.thread.start()

    @property
    def last(self):
        return self.told[-1]

    def end(self):
        self.stop.set()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()


@pytest.fixture
def redis(redis_server):
    with Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture
def store(blissdata_server):
    return DataStore(blissdata_server.url)


@pytest.fixture
def running(redis_server, blissdata_server, redis):
    """running(**ingest settings) -> an ingest that follows inside the `with`."""

    @contextmanager
    def started(**changes):
        given = {"redis.url": redis_server.url, "ingest.blissdata_url": blissdata_server.url}
        given |= {f"ingest.{key}": value for key, value in changes.items()}
        at_work = Running(load_settings(overrides=given), redis)
        try:
            until(lambda: at_work.told, "a first word")
            yield at_work
        finally:
            at_work.end()

    return started


def state(redis, scan):
    return FrameReader(redis, scan.key).state()


def check_whole(redis, scan, n=None, window=np.s_[:]):
    """Every frame of `scan` once, with the pixels and the position of its index."""
    n = scan.points if n is None else n
    until(lambda: state(redis, scan) != "open", "the end of the scan")
    reader, found = FrameReader(redis, scan.key), {}
    while not reader.drained:
        for frame in reader.read(0.2):
            assert frame.index not in found
            found[frame.index] = frame
    assert sorted(found) == list(range(n))
    for index, frame in found.items():
        np.testing.assert_array_equal(frame.image, image(index, scan.number)[window])
        assert frame.positions["eta"] == pytest.approx(0.1 * index)
    return counts(redis, scan.key)


def test_a_scan_is_followed_while_it_runs(running, store, redis):
    with running() as ingest:
        scan = BlissScan(store).frames(7)
        until(lambda: counts(redis, scan.key).published == 7, "seven frames while the scan runs")
        assert state(redis, scan) == "open"
        assert open_scans(redis) == [scan.key]
        scan.frames(13).end()
        counted = check_whole(redis, scan)
        until(lambda: ingest.last.state == "idle", "idle")
    assert (counted.expected, counted.acquired, counted.published, counted.missing) == (20, 20, 20, 0)
    done = next(s for s in reversed(ingest.told) if s.state == "idle")
    assert (done.scan, done.expected, done.acquired, done.published, done.lag_frames) == (scan.key, 20, 20, 20, 0)
    np.testing.assert_array_equal(done.last_frame, image(19, 1))
    assert ingest.last.state == "stopped"


def test_what_the_header_tells(running, store, redis):
    geometry = {
        "distance": 0.5,
        "beam_center_x": 4.0,
        "beam_center_y": 6.0,
        "x_pixel_size": 55e-6,
        "y_pixel_size": 5e-5,
    }
    with running():
        scan = BlissScan(store, points=3, instrument={"mpx1x4": geometry, "beamline": "id01"}).frames(3).end()
        check_whole(redis, scan)
    header = FrameReader(redis, scan.key).header()
    assert (header.name, header.scan_number, header.n_frames, header.scanned) == ("id01_scan0001", 1, 3, "eta")
    assert header.positions == {"delta": 35.0, "mononrj": 9.0}
    assert (header.energy_eV, header.exposure_s, header.beamline) == (9000.0, 0.1, "id01")
    assert (header.detector.name, header.detector.shape_px) == ("mpx1x4", SHAPE)
    assert (header.detector.beam_center_px, header.detector.pixel_size_m) == ((6.0, 4.0), (5e-5, 55e-6))


def test_scans_before_between_and_after_restarts(running, store, redis):
    """None is missed: those that ended while no ingest ran are taken up by the next one."""
    with running() as ingest:
        first = BlissScan(store, 1, 5).frames(5).end()
        check_whole(redis, first)
        until(lambda: ingest.last.state == "idle", "idle")
    second, third = (BlissScan(store, number, 5).frames(5).end() for number in (2, 3))
    with running():
        for scan in (second, third):
            check_whole(redis, scan)
    assert open_scans(redis) == [first.key, second.key, third.key]


def test_restart_in_the_middle_of_a_scan(running, store, redis):
    scan = BlissScan(store).frames(4)
    with running():
        until(lambda: counts(redis, scan.key).published == 4, "four frames of a scan that ran already")
    scan.frames(6)
    with running():
        until(lambda: counts(redis, scan.key).published == 10, "the frames of the time without an ingest")
        scan.frames(10).end()
        assert check_whole(redis, scan).missing == 0


def test_frames_wait_for_their_positions(running, store, redis):
    with running():
        scan = BlissScan(store).frames(6, placed=False)
        scan.positions(2)
        until(lambda: counts(redis, scan.key).published == 2, "the two whose position is known")
        scan.positions(4)
        scan.frames(14).end()
        check_whole(redis, scan)


def test_monitor_and_attenuator_go_with_their_frames(running, store, redis, tmp_path):
    """NaN, as a counter that failed: not known, and no reason to hold the frame back."""
    text = (config_dir() / "beamlines" / "id01.yaml").read_text()
    (tmp_path / "line.yaml").write_text(f"{text}\nattenuator: atn\n")
    with running():
        info = {"instrument": {"beamline": str(tmp_path / "line.yaml")}}
        scan = BlissScan(store, counters=("scalers:mon2", "wago:atn"), **info).frames(20).end()
        check_whole(redis, scan)
    reader, found = FrameReader(redis, scan.key), {}
    while not reader.drained:
        found |= {frame.index: (frame.monitor, frame.transmission) for frame in reader.read(0.2)}
    assert found == {i: (None, None) if i == 3 else (1 / (i + 2), 2 / (i + 2)) for i in range(20)}


def test_an_aborted_scan_is_closed_as_such(running, store, redis):
    with running():
        scan = BlissScan(store).frames(8).end("USER_ABORT")
        counted = check_whole(redis, scan, 8)
    assert state(redis, scan) == "aborted"
    assert (counted.acquired, counted.missing) == (8, 0)


def test_a_scan_whose_program_died_does_not_hold_up_the_next(running, store, redis, monkeypatch):
    monkeypatch.setattr(copy, "OVERRUN_S", 0.3)
    with running():
        dead = BlissScan(store, 1).frames(5)
        other = BlissScan(store, 2, session="other").frames(20).end()
        until(lambda: counts(redis, dead.key).published == 5, "what it measured")
        assert state(redis, dead) == "open"
        scan = BlissScan(store, 3).frames(20).end()
        check_whole(redis, dead, 5)
        assert state(redis, dead) == "aborted"
        for each in (other, scan):
            check_whole(redis, each)


def test_scans_without_the_detector_are_left_alone(running, store, redis):
    with running(detector="eiger2m"):
        BlissScan(store, 1).frames(20).end()
        scan = BlissScan(store, 2, images=("mpx1x4", "eiger2m")).frames(20).end()
        check_whole(redis, scan)
    assert open_scans(redis) == [scan.key]
    assert FrameReader(redis, scan.key).header().detector.name == "eiger2m"


def test_two_detectors_and_none_chosen_is_said(running, store, redis):
    with running() as ingest:
        BlissScan(store, 1, images=("mpx1x4", "eiger2m")).frames(20).end()
        until(lambda: "image streams of eiger2m, mpx1x4; choose one" in ingest.last.message, "the reason")
        check_whole(redis, BlissScan(store, 2).frames(20).end())


def test_region_of_interest(running, store, redis):
    with running(roi_px=(2, 9, 1, 40)):
        scan = BlissScan(store).frames(20).end()
        check_whole(redis, scan, window=np.s_[2:9, 1:10])
    assert FrameReader(redis, scan.key).header().roi_px == (2, 9, 1, 10)


def test_disabled_and_enabled_again(running, store, redis):
    with running() as ingest:
        ingest.ingest.enabled = False
        until(lambda: ingest.last.state == "stopped", "stopped")
        BlissScan(store, 1).frames(20).end()
        until(lambda: redis.get("braggline:ingest:position").decode() == store.get_last_scan_timetag(), "passed by")
        ingest.ingest.enabled = True
        scan = BlissScan(store, 2).frames(20).end()
        check_whole(redis, scan)
    assert open_scans(redis) == [scan.key]


def test_start_from_now_passes_by_what_is_over(running, store, redis):
    with running():
        check_whole(redis, BlissScan(store, 1, 3).frames(3).end())
    BlissScan(store, 2, 3).frames(3).end()
    start_from_now(redis)
    with running():
        scan = BlissScan(store, 3, 3).frames(3).end()
        check_whole(redis, scan)
    assert len(open_scans(redis)) == 2


def test_a_deleted_scan_is_closed_as_aborted(running, store, redis):
    with running():
        scan = BlissScan(store).frames(5)
        until(lambda: counts(redis, scan.key).published == 5, "five frames")
        store.delete_scan(scan.key, force=True)
        check_whole(redis, scan, 5)
        assert state(redis, scan) == "aborted"


def test_own_redis_killed_in_the_middle(running, store, redis, redis_server):
    with running() as ingest:
        scan = BlissScan(store).frames(8)
        until(lambda: counts(redis, scan.key).published == 8, "eight frames")
        redis_server.kill()
        scan.frames(7)
        until(lambda: ingest.last.state == "fault", "a fault")
        assert f"Redis at {redis_server.url} is away" in ingest.last.message
        redis_server.start()
        scan.frames(5).end()
        assert check_whole(redis, scan).missing == 0
        until(lambda: ingest.last.state == "idle", "idle")


def test_blissdata_killed_in_the_middle(running, store, redis, blissdata_server, monkeypatch):
    """The scan that BLISS can no longer publish is closed with what it had; the next one is followed."""
    monkeypatch.setattr(copy, "OVERRUN_S", 0.3)
    with running() as ingest:
        dead = BlissScan(store, 1).frames(8)
        until(lambda: counts(redis, dead.key).published == 8, "eight frames")
        blissdata_server.kill()
        until(lambda: ingest.last.state == "fault", "a fault")
        assert f"blissdata at {blissdata_server.url} is away" in ingest.last.message
        blissdata_server.start()
        until(lambda: ingest.last.state == "following", "following again")
        scan = BlissScan(store, 2).frames(20).end()
        check_whole(redis, dead, 8)
        assert state(redis, dead) == "aborted"
        check_whole(redis, scan)
