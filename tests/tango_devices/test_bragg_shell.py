"""`bragg` in a real BLISS session on the emulated beamline: advisor and reconstruction answer, the ingest is away."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tango

from braggline_models.results import Recommendation
from braggline_service.advice import Advice
from braggline_service.board import Board, Snapshot
from braggline_service.settings import AdviceSettings

from .conftest import until

demo_beamline = pytest.importorskip("demo_beamline", reason="the emulated beamline is not there")
pytestmark = [pytest.mark.bliss, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
PARAMETERS = {"center_deg": 0.02, "range_deg": 0.3, "step_deg": 0.03, "points": 11.0, "exposure_s": 0.02}


@pytest.fixture
def servers(settings_file, tmp_path):
    """Device servers of BraggReconstruction and BraggAdvisor registered in the box's Tango database."""
    started = []

    def start(tango_host):
        env = os.environ | {"TANGO_HOST": tango_host, "BRAGGLINE_SETTINGS": str(settings_file)}
        python = [sys.executable, "-m", "braggline_tango"]
        names = subprocess.run([*python, "register", "main"], env=env, check=True, capture_output=True, text=True)
        host = tango_host.replace("localhost", "127.0.0.1").split(":")
        database = tango.Database(host[0], int(host[1]))
        database.put_device_property("id01/braggreconstruction/main", {"RunJobs": ["false"]})
        for name in ("BraggReconstruction", "BraggAdvisor"):
            log = (tmp_path / f"{name}.log").open("w")
            started.append(subprocess.Popen([*python, name, "main"], env=env, stdout=log, stderr=log))
            log.close()
        for name in ("reconstruction", "advisor"):
            proxy = tango.DeviceProxy(f"tango://{tango_host}/id01/bragg{name}/main")
            until(lambda proxy=proxy: _answers(proxy), f"{name} answers")
        return names.stdout.split()

    yield start
    for process in started:
        process.terminate()
    assert [process.wait(20) for process in started if process.wait(20) not in (0, -15)] == []


def _answers(proxy):
    try:
        return proxy.state() == tango.DevState.ON
    except tango.DevFailed:
        return False


def test_bragg_in_a_real_session(servers, redis, tmp_path):
    result = tmp_path / "result.h5"
    result.write_bytes(b"hello")
    with demo_beamline.DemoBeamline(
        tmp_path / "box", sample="simulated", extra_beacon=ROOT / "config" / "beacon"
    ) as box:
        assert servers(box.tango_host) == [f"id01/bragg{n}/main" for n in ("ingest", "reconstruction", "advisor")]
        board = Board(redis)
        board.publish(Snapshot("s_1", "final", 1.0, {"result_file": str(result)}))
        Advice(board, AdviceSettings()).put("s_1", Recommendation("widen", PARAMETERS, "fringes", "gain", 0.8, 600.0))
        advisor = tango.DeviceProxy(f"tango://{box.tango_host}/id01/braggadvisor/main")
        reconstruction = tango.DeviceProxy(f"tango://{box.tango_host}/id01/braggreconstruction/main")
        until(lambda: advisor.read_attribute("Reason").value == "fringes", "the recommendation on Tango")
        until(lambda: reconstruction.read_attribute("ResultFile").value == str(result), "the result on Tango")
        env = box.env | {"PYTHONPATH": f"{ROOT / 'tango_devices'}:{box.env.get('PYTHONPATH', '')}"}
        script = str(Path(__file__).with_name("bragg_session.py"))
        command = [str(box.bliss_python), "-W", "ignore", script, str(tmp_path / "data")]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert "id01/braggingest/main does not answer" in seen["info"]
    assert "advisor         ON" in seen["info"]
    assert "WIDEN  (s_1#1, pending" in seen["standing"]
    assert "approve s_1#1 first" in seen["refused"]["rocking"]
    assert "has no 'magic'" in seen["refused"]["unknown"]
    assert "use one of off, suggest, confirm, auto" in seen["refused"]["mode"]
    assert (seen["approved"], seen["after"]) == ("approved", "applied")
    assert seen["scan"]["points"] == 11
    assert seen["scan"]["eta"] == pytest.approx(0.02, abs=1e-3)
    assert seen["metadata"]["last_result"] == str(result)
    assert seen["metadata"]["last_result_sha256"].startswith("2cf24dba5fb0a30e")
    assert seen["prepared_after_disable"] == seen["prepared_with_detector"] >= 2
    assert len([w for w in seen["warnings"] if "measured, but not reconstructed" in w]) == 1
    assert f"{PARAMETERS['points']:.0f} points" in done.stdout
