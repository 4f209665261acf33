"""From a stock BLISS ascan to Tango and back: strain before the scan is over, advice that changes the next one.

What goes wrong on the way is in test_whole_chain.py.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import tango
from redis import Redis

from braggline_service.board import Board
from demo.chain import Chain, chain, scan_result
from demo.watch import Watch

sys.path.insert(0, str(Path(__file__).parent))
from live_job import until

pytestmark = [pytest.mark.bliss, pytest.mark.slow]

INTERVALS = 63
EXPOSURE_S = 0.3  # long enough for a map in mid-scan on a slow machine
PATHS = [
    "detector_frame/object", "detector_frame/support", "sample_frame/amplitude", "sample_frame/phase",
    "sample_frame/displacement", "sample_frame/strain", "sample_frame/strain_uncertainty", "sample_frame/d_spacing",
    "sample_frame/support", "quality/free_llk", "quality/llk", "quality/prtf", "quality/resolution_m",
    "quality/mode_weight", "quality/runs_kept", "quality/runs_total", "quality/frames_expected",
    "quality/frames_used", "quality/frames_missing", "quality/flags", "defects/lines", "recommendation",
    "process/program", "process/version", "process/recipe", "process/seed", "process/input",
]  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with chain(tmp_path_factory.mktemp("chain"), "simulated") as whole:
        yield whole


@pytest.fixture
def board(running: Chain):
    with Redis.from_url(running.stack.redis_url) as redis:
        yield Board(redis)


def finished(board: Board, before: str | None, stages=("final",)):
    """The snapshot of a scan other than `before`, once it is over."""

    def over():
        snapshot = board.latest()
        return snapshot if snapshot and snapshot.scan != before and snapshot.stage in stages else None

    return until(over, f"a scan after {before} in {stages}")


def latest_scan(board: Board) -> str | None:
    snapshot = board.latest()
    return snapshot.scan if snapshot else None


def device(running: Chain, name: str) -> tango.DeviceProxy:
    return tango.DeviceProxy(running.device(name))


def assert_all_is_shown(reconstruction: tango.DeviceProxy) -> None:
    """Not the strain alone."""
    for name in ("SliceAmplitude", "SlicePhase", "UncertaintyXY", "StrainUncertainty", "LatticeParameter"):
        shown = reconstruction.read_attribute(name)
        assert shown.quality == tango.AttrQuality.ATTR_VALID, name
        assert np.nanmax(np.abs(shown.value)) > 0
    assert len(json.loads(reconstruction.Facets)) == reconstruction.FacetCount > 0
    assert json.loads(reconstruction.Defects)["searched"] is True
    assert json.loads(reconstruction.Statistics)["bulk"]["voxels"] > 0


def test_strain_arrives_before_the_scan_is_over_and_the_advice_is_followed(running: Chain, board: Board) -> None:
    watch = Watch(device(running, "BraggReconstruction"), lambda picture: None)
    scan = scan_result(running.start_scan(INTERVALS, EXPOSURE_S))
    over_s = watch.now()
    snapshot = finished(board, None)
    watch.close()
    assert [picture for picture in watch.pictures if picture.at_s < over_s], "no strain map before the scan was over"
    assert scan["npoints"] == INTERVALS + 1
    values = snapshot.values
    assert values["frames_expected"] == values["frames_published"] == values["frames_processed"] == INTERVALS + 1
    assert values["frames_missing"] == 0
    with h5py.File(values["result_file"]) as file:
        assert [path for path in PATHS if path not in file["entry_1"]] == []
    assert Path(values["report"]).read_text().startswith("<!doctype html>")
    for name in ("BraggIngest", "BraggReconstruction", "BraggAdvisor"):
        until(lambda name=name: device(running, name).state() == tango.DevState.ON, f"{name} is ON again")
    assert_all_is_shown(device(running, "BraggReconstruction"))
    foreseen = device(running, "BraggReconstruction").read_attribute("Foreseen")
    known = values["foreseen_fraction"]  # not finite where no preview agreed, as on a busy machine
    assert (foreseen.quality == tango.AttrQuality.ATTR_VALID) == (known is not None and np.isfinite(known))

    script = Path(__file__).parent / "bragg_approves.py"
    done = subprocess.run(
        [running.box.bliss_python, script], env=running.box.env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    advised = told["parameters"]
    assert told["approved"] == "approved"
    assert told["npoints"] == round(advised["points"]), told
    words = told["title"].split()
    assert float(words[3]) - float(words[2]) == pytest.approx(advised["range_deg"], rel=0.02), told
    assert float(words[5]) == pytest.approx(advised["exposure_s"], rel=0.02), told
    first = running.box.sample.scan
    asked = (float(words[3]) - float(words[2]), told["npoints"], float(words[5]))
    assert asked != pytest.approx((first.stop - first.start, INTERVALS + 1, EXPOSURE_S), rel=0.01), (
        "the advice changed nothing"
    )
    second = finished(board, snapshot.scan)
    assert second.values["frames_used"] == told["npoints"]
    with h5py.File(second.values["result_file"]) as file:
        recipe = json.loads(file["entry_1/process/recipe"][()])
    assert recipe["schedule"] == told["recipe"] == "(DM**10,SW)**4,(HIO**30,RAAR**10,SW)**4,ER**20", "set in the shell"
    advisor = device(running, "BraggAdvisor")
    until(lambda: any("applied" in line for line in advisor.History), "the history tells it was applied", 20.0)


def test_scan_aborted_by_ctrl_c(running: Chain, board: Board) -> None:
    before = latest_scan(board)
    process = running.start_scan(INTERVALS, EXPOSURE_S)
    until(lambda: latest_scan(board) != before and board.latest().values.get("frames_used", 0) > 40, "frames flow")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    snapshot = finished(board, before, ("aborted", "failed"))
    assert snapshot.stage == "aborted", snapshot.values
    assert 40 < snapshot.values["frames_used"] <= INTERVALS
    assert any("aborted" in flag for flag in snapshot.values["flags"])
    reconstruction = device(running, "BraggReconstruction")
    until(lambda: reconstruction.state() == tango.DevState.ALARM, "the device says so")

    scan_result(running.start_scan(INTERVALS, 0.05))
    assert finished(board, snapshot.scan).values["frames_used"] == INTERVALS + 1
