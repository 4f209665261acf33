"""What goes wrong at a beamline, on the whole chain: a device dies, Ctrl-C in the shell, Redis is away.

That the advice of one scan changes the next is in test_live_chain.py.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import pytest
import tango
from redis import Redis

from braggline_service.board import Board, Snapshot
from demo.chain import Chain, chain
from demo.watch import Watch

sys.path.insert(0, str(Path(__file__).parent))
from live_job import until

pytestmark = [pytest.mark.bliss, pytest.mark.slow]

INTERVALS = 63
ENDED = ("final", "failed", "aborted")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with chain(tmp_path_factory.mktemp("chain"), "simulated") as whole:
        yield whole


@pytest.fixture
def board(running: Chain) -> Iterator[Board]:
    with Redis.from_url(running.stack.redis_url) as redis:
        yield Board(redis)


def name_of_latest(board: Board) -> str:
    snapshot = board.latest()
    return snapshot.scan if snapshot else ""


def ended(board: Board, before: str) -> Snapshot:
    """How the scan after `before` ended."""

    def over() -> Snapshot | None:
        snapshot = board.latest()
        return snapshot if snapshot and snapshot.scan != before and snapshot.stage in ENDED else None

    return until(over, f"the end of a scan after '{before}'")


def device(running: Chain, name: str) -> tango.DeviceProxy:
    return tango.DeviceProxy(running.device(name))


def line_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next JSON line of a BLISS process; it comes the moment its scan is over."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            return dict(json.loads(line))
    raise AssertionError(f"BLISS ended with code {process.wait(30)} and said nothing")


def test_ingest_dies_while_bliss_counts_and_a_client_sees_strain_all_the_same(running: Chain, board: Board) -> None:
    watch = Watch(device(running, "BraggReconstruction"), lambda picture: None)
    process = running.start_scan(INTERVALS, 0.25)
    until(lambda: watch.pictures, "the first strain map")
    killed = running.stack.status()["braggingest"]
    os.kill(killed["pid"], signal.SIGKILL)
    until(lambda: running.stack.status()["braggingest"]["restarts"] > killed["restarts"], "a new ingest")
    assert process.poll() is None, "the ingest was to be killed in the midst of the scan"
    scan = line_of(process)
    over_s = watch.now()
    process.communicate(timeout=60)
    snapshot = ended(board, "")
    until(watch.final.is_set, "the client is told that it is final")
    watch.close()
    during = [picture for picture in watch.pictures if picture.at_s < over_s]
    assert during
    assert {picture.quality for picture in during} == {"ATTR_CHANGING"}
    assert 0 < during[0].frames_used < INTERVALS + 1
    assert scan["npoints"] == INTERVALS + 1
    values = snapshot.values
    counted = [values[f"frames_{what}"] for what in ("expected", "published", "processed", "used")]
    assert (snapshot.stage, counted, values["frames_missing"]) == ("final", [INTERVALS + 1] * 4, 0)


def test_ctrl_c_in_the_shell_while_it_follows_the_advice(running: Chain, board: Board, tmp_path: Path) -> None:
    before = name_of_latest(board)
    until(lambda: board.read("recommendation").get("state") == "pending", "advice to follow")
    script = Path(__file__).parent / "bragg_interrupted.py"
    with (tmp_path / "bliss.log").open("w") as log:
        shell = subprocess.Popen(
            [str(running.box.bliss_python), "-W", "ignore", str(script)], env=running.box.env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
    try:
        until(lambda: name_of_latest(board) != before, "the scan of the shell")
        until(lambda: board.latest().values.get("frames_used", 0) >= 16, "frames of it")
        shell.send_signal(signal.SIGINT)
        told = line_of(shell)
        assert (told["approved"], told["after"], told["moving"]) == ("approved", "applied", False), told
        assert told["interrupted"], "rocking went on after Ctrl-C"

        snapshot = ended(board, before)
        values = snapshot.values
        assert snapshot.stage == "aborted", values
        assert 16 <= values["frames_used"] < told["points"]
        with h5py.File(values["result_file"]) as file:
            quality = file["entry_1/quality"]
            assert bool(quality["aborted"][()])
            assert int(quality["frames_used"][()]) == values["frames_used"]
            assert any("aborted" in flag.decode() for flag in quality["flags"][()])
        assert "aborted" in Path(values["report"]).read_text()

        shell.stdin.write("\n")
        shell.stdin.flush()
        again = line_of(shell)
        assert (again["state"], again["npoints"]) == ("DONE", 48)
        second = ended(board, snapshot.scan)
        assert (second.stage, second.values["frames_used"]) == ("final", 48)
    finally:
        shell.kill()
        shell.communicate(timeout=30)


def test_redis_away_is_told_by_the_devices_and_costs_nothing_after(running: Chain, board: Board) -> None:
    """Stopped for the length of a scan: BLISS goes on, the devices say FAULT, and that scan is reconstructed late."""
    before = name_of_latest(board)
    redis = running.stack.status()["redis"]["pid"]
    os.kill(redis, signal.SIGSTOP)
    try:
        process = running.start_scan(INTERVALS, 0.05)
        assert line_of(process)["state"] == "DONE"
        process.communicate(timeout=60)
        for name in ("BraggIngest", "BraggReconstruction", "BraggAdvisor"):
            until(lambda name=name: device(running, name).state() == tango.DevState.FAULT, f"{name} says FAULT")
    finally:
        os.kill(redis, signal.SIGCONT)
    snapshot = ended(board, before)
    assert (snapshot.stage, snapshot.values["frames_used"]) == ("final", INTERVALS + 1)
    for name in ("BraggIngest", "BraggReconstruction", "BraggAdvisor"):
        until(lambda name=name: device(running, name).state() == tango.DevState.ON, f"{name} is ON again")
