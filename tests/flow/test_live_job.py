"""Whatever dies in mid-scan, all frames are accounted for and the result is complete; bad scans are one line."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest
from redis import Redis

from braggline_models.scan import RockingCurve
from braggline_service.board import Board
from braggline_service.streams import FrameWriter, counts

sys.path.insert(0, str(Path(__file__).parent))
from live_job import FRAMES, committed, dispatching, fast_settings, header_of, publish, small_curve, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def curve() -> RockingCurve:
    return small_curve()


@pytest.fixture
def settings(redis_server, tmp_path: Path):
    return fast_settings(redis_server.url, tmp_path)


@pytest.fixture
def redis(redis_server) -> Redis:
    with Redis.from_url(redis_server.url) as client:
        yield client


def opened(redis, settings, curve, key="scan", **changes) -> FrameWriter:
    writer = FrameWriter(redis, header_of(curve, key, **changes), settings.redis)
    writer.open()
    return writer


def assert_complete(redis, scan="scan") -> None:
    snapshot = committed(redis, scan)
    assert snapshot.stage == "final", snapshot.values
    assert snapshot.values["frames_used"] == snapshot.values["frames_expected"] == FRAMES
    assert snapshot.values["frames_missing"] == 0
    found = counts(redis, scan)
    assert (found.published, found.processed, found.missing) == (FRAMES, FRAMES, 0)
    with h5py.File(snapshot.values["result_file"]) as file:
        assert file["entry_1/quality/frames_used"][()] == FRAMES
        assert np.isfinite(file["entry_1/sample_frame/strain"][...]).any()


def workers() -> list[psutil.Process]:
    """The dask worker processes below this one."""
    return [p for p in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]


def test_worker_killed_in_mid_scan(redis, settings, curve) -> None:
    with dispatching(settings, redis):
        writer = opened(redis, settings, curve)
        publish(writer, curve, range(FRAMES // 2))
        until(lambda: counts(redis, "scan").processed >= FRAMES // 4, "the job reads")
        for process in workers():
            os.kill(process.pid, signal.SIGKILL)
        publish(writer, curve, range(FRAMES // 2, FRAMES))
        writer.close("complete", FRAMES)
        assert_complete(redis)


def test_redis_killed_in_mid_scan(redis, redis_server, settings, curve) -> None:
    with dispatching(settings, redis):
        writer = opened(redis, settings, curve)
        publish(writer, curve, range(FRAMES // 2))
        until(lambda: counts(redis, "scan").processed >= FRAMES // 4, "the job reads")
        redis_server.kill()
        redis_server.restart()
        publish(writer, curve, range(FRAMES // 2, FRAMES))
        writer.close("complete", FRAMES)
        assert_complete(redis)


def test_dispatcher_restarted_in_mid_scan(redis, settings, curve) -> None:
    writer = opened(redis, settings, curve)
    with dispatching(settings, redis):
        publish(writer, curve, range(FRAMES // 2))
        until(lambda: counts(redis, "scan").processed >= FRAMES // 4, "the job reads")
    publish(writer, curve, range(FRAMES // 2, FRAMES))
    writer.close("complete", FRAMES)
    with dispatching(settings, redis):
        assert_complete(redis)


def test_aborted_scans_give_what_was_measured(redis, settings, curve) -> None:
    measured = FRAMES * 3 // 4
    with dispatching(settings, redis) as dispatcher:
        writer = opened(redis, settings, curve)
        publish(writer, curve, range(measured), pause_s=0.0)
        writer.close("aborted", measured)
        snapshot = committed(redis, "scan")
        assert snapshot.stage == "aborted"
        assert snapshot.values["frames_used"] == measured
        assert any("aborted" in flag for flag in snapshot.values["flags"])
        with h5py.File(snapshot.values["result_file"]) as file:
            assert file["entry_1/quality/aborted"][()]

        writer = opened(redis, settings, curve, "short")
        publish(writer, curve, range(2), pause_s=0.0)
        writer.close("aborted", 2)
        assert "at least" in committed(redis, "short").values["message"]

        writer = opened(redis, settings, curve, "next")
        publish(writer, curve, range(FRAMES), pause_s=0.0)
        writer.close("complete", FRAMES)
        assert_complete(redis, "next")
        dispatcher.reprocess("next")
        assert_complete(redis, "next")


def test_the_pattern_tells_how_probable_a_defect_is(redis, settings, curve) -> None:
    Board(redis).write("parameters", {"learned": "triage"})
    with dispatching(settings, redis):
        writer = opened(redis, settings, curve)
        publish(writer, curve, range(FRAMES), pause_s=0.0)
        writer.close("complete", FRAMES)
        snapshot = committed(redis, "scan")
    assert snapshot.stage == "final", snapshot.values
    probability = snapshot.values["defect_probability"]
    assert probability is None or 0.0 <= probability <= 1.0
    with h5py.File(snapshot.values["result_file"]) as file:
        assert any(b"triage 1 sha256:" in name for name in file["entry_1/process/input"][()])


BAD = {
    "no energy": ({"energy_eV": None}, "energy"),
    "no position": ({"positions": {"chi": 90.0}}, "no position of circle"),
    "unknown detector": ({"detector": {"name": "polaroid", "shape_px": (256, 256)}}, "polaroid"),
}


def test_bad_scans_are_one_line_and_the_next_one_works(redis, settings, curve) -> None:
    board = Board(redis)
    with dispatching(settings, redis) as dispatcher:
        for key, (changes, words) in BAD.items():
            writer = opened(redis, settings, curve, key, **changes)
            publish(writer, curve, range(FRAMES), pause_s=0.0)
            writer.close("complete", FRAMES)
            snapshot = committed(redis, key)
            assert snapshot.stage == "failed"
            assert words in snapshot.values["message"]
            assert "\n" not in snapshot.values["message"]
        writer = opened(redis, settings, curve, "empty")
        for index in range(FRAMES):
            writer.publish(index, np.zeros((256, 256), np.uint32), {"theta": float(index)})
        writer.close("complete", FRAMES)
        assert "empty" in committed(redis, "empty").values["message"]

        writer = opened(redis, settings, curve, "stopped")
        publish(writer, curve, range(FRAMES // 2), pause_s=0.0)
        until(lambda: board.latest("stopped"), "the job runs")
        dispatcher.abort("stopped")
        assert committed(redis, "stopped").stage == "aborted"

        writer = opened(redis, settings, curve, "good")
        publish(writer, curve, range(FRAMES), pause_s=0.0)
        writer.close("complete", FRAMES)
        assert_complete(redis, "good")
