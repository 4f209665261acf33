"""`up`, `down`, `status` and `doctor` with the real Redis, Tango database and device servers."""

import os
import signal
import subprocess
import time

import pytest
import yaml
from redis import Redis

from braggline_models.errors import BadInput
from braggline_service.processes import AlreadyUp, PartDown, ProcessId, port_answers
from braggline_service.settings import Settings, load_settings
from braggline_service.stack import Stack, doctor, programs
from braggline_service.stack.places import find_places

PARTS = ["redis", "tango", "braggingest", "braggreconstruction", "braggadvisor"]


def until(condition, timeout_s=30.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


def listeners(pids):
    """Local addresses that these processes listen on."""
    lines = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split()[3] for line in lines if any(f"pid={pid}," in line for pid in pids)]


def states(stack):
    """State of the three devices, asked of another process: the service knows no Tango."""
    names = [f"id01/bragg{name}/main" for name in ("ingest", "reconstruction", "advisor")]
    ask = f"import tango; print(*(tango.DeviceProxy(n).state() for n in {names}))"
    answer = subprocess.run([programs.sys.executable, "-c", ask], env=stack.env, capture_output=True, text=True)
    return answer.stdout.split() or answer.stderr


@pytest.fixture
def stack(tmp_path, monkeypatch):
    monkeypatch.delenv("TANGO_HOST", raising=False)
    stack = Stack(load_settings(), tmp_path / "run")
    yield stack
    stack.stop()
    stack.down()


def test_everything_up_and_a_killed_part_comes_back(stack):
    stack.start()
    status = stack.status()
    assert list(status) == PARTS
    assert all(part["alive"] for part in status.values())
    addresses = listeners({part["pid"] for part in status.values()})
    assert addresses
    assert all(address.startswith("127.0.0.1:") for address in addresses), addresses
    used = Settings.model_validate(yaml.safe_load(stack.settings_file.read_text()))
    assert used.redis.url == stack.redis_url
    assert len(states(stack)) == 3, states(stack)

    redis = Redis.from_url(stack.redis_url)
    redis.set("kept", "yes")
    until(lambda: redis.info("persistence")["aof_pending_bio_fsync"] == 0)
    for name in ("redis", "braggadvisor"):
        os.kill(status[name]["pid"], signal.SIGKILL)
    until(
        lambda: all(
            stack.status()[n]["restarts"] == 1 and stack.status()[n]["alive"] for n in ("redis", "braggadvisor")
        )
    )
    until(lambda: port_answers(status["redis"]["port"]))
    until(lambda: redis.get("kept") == b"yes")
    redis.close()
    again = stack.status()
    stack.stop()
    assert not any(ProcessId(p["pid"], p["started"]).alive for p in again.values())


def test_up_in_the_background_twice_then_down_twice(stack):
    stack.up()
    with pytest.raises(AlreadyUp, match="already up"):
        stack.up()
    status = stack.status()
    assert list(status) == PARTS
    assert all(part["alive"] for part in status.values())
    assert stack.down()
    assert not stack.down()
    assert stack.status() == {}
    assert not any(ProcessId(p["pid"], p["started"]).alive for p in status.values())


def test_a_tango_database_that_is_away_is_told_in_one_line(tmp_path):
    stack = Stack(load_settings(), tmp_path, tango_host="127.0.0.1:1")
    with pytest.raises(PartDown) as failure:
        stack.start()
    assert "register ended with code 1" in str(failure.value)
    assert "\n" not in str(failure.value)
    assert stack.status() == {}


def test_a_taken_port_of_redis_is_left_alone():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = load_settings(overrides={"redis.url": f"redis://127.0.0.1:{port}/2"})
        places = find_places(settings, "")
        assert places.redis_port != port
        assert places.redis_url == f"redis://127.0.0.1:{places.redis_port}/2"
    away = find_places(load_settings(overrides={"redis.url": "redis://elsewhere:6379/0"}), "db:10000")
    assert (away.redis_port, away.redis_url, away.local) == (None, "redis://elsewhere:6379/0", False)
    with pytest.raises(BadInput, match="redis://HOST"):
        find_places(load_settings(overrides={"redis.url": "http://x"}), "")


def test_no_redis_on_the_machine(monkeypatch):
    monkeypatch.setattr(programs.shutil, "which", lambda *_: None)
    monkeypatch.setattr(programs.importlib.util, "find_spec", lambda *_: None)
    with pytest.raises(BadInput, match=r"braggline\[embedded\]"):
        programs.redis_server()


def test_the_doctor_names_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("TANGO_HOST", "127.0.0.1:1")
    monkeypatch.delenv("BEACON_HOST", raising=False)
    broken = tmp_path / "braggline.yaml"
    broken.write_text("no_such_key: 1\n")
    monkeypatch.setenv("BRAGGLINE_CONFIG", str(tmp_path))
    checks = {check.name: check for check in doctor()}
    assert checks["python"].ok
    assert checks["packages"].ok
    assert checks["redis-server"].ok
    assert checks["free disk"].ok
    for name in ("configuration", "tango database", "beacon"):
        assert not checks[name].ok, checks[name]
        assert checks[name].remedy
    assert "no_such_key" in checks["configuration"].detail
    assert "\n" not in "".join(c.detail for c in checks.values())
