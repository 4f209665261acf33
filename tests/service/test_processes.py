"""The supervisor with real processes: order, readiness, one-line failures, and no survivor."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from braggline_service.processes import (
    AlreadyUp,
    Part,
    PartDown,
    ProcessId,
    RunFile,
    Supervisor,
    answers_on,
    free_ports,
    says,
    telling_line,
)
from braggline_service.processes.background import down, up_in_background
from braggline_service.processes.ports import OUTGOING_RANGE, SERVER_PORTS

SUPERVISE = """
import sys, time
from pathlib import Path
from braggline_service.processes import Part, RunFile, Supervisor
run = Path(sys.argv[1])
file = RunFile(run)
file.acquire()
with Supervisor(run / "log") as group:
    for name in ("one", "two"):
        group.start(Part(name, ("sleep", "600"), {"PATH": "/usr/bin:/bin"}))
    file.write("up", parts=group.status())
    time.sleep(600)
"""


def until(condition, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def part(name, *command, **more):
    return Part(name, command, dict(os.environ), **more)


def listener(name, port, restart=False):
    return part(
        name,
        sys.executable,
        "-c",
        f"import socket,time; s=socket.create_server(('127.0.0.1',{port})); time.sleep(600)",
        ready=answers_on(port),
        port=port,
        restart=restart,
    )


def test_parts_start_in_order_and_stop_in_reverse(tmp_path):
    ends = tmp_path / "ends"
    say = f"trap 'echo $0 >> {ends}; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    with Supervisor(tmp_path / "log") as group:
        for name in ("a", "b", "c"):
            group.start(part(name, "/bin/sh", "-c", say, name, ready=says("ready")))
        assert list(group.status()) == ["a", "b", "c"]
        assert all(p["alive"] for p in group.status().values())
    assert ends.read_text().split() == ["c", "b", "a"]


def test_a_part_that_ignores_sigterm_is_killed(tmp_path):
    group = Supervisor(tmp_path)
    group.start(part("deaf", "/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done", ready=says("up")))
    pid = group.status()["deaf"]["pid"]
    group.stop(grace_s=0.2)
    assert ProcessId.of(pid) is None


def test_a_part_that_ends_is_told_in_one_line(tmp_path):
    script = "echo hello; echo 'Error: no such module x'; echo bye; exit 3"
    broken = part("redis", "/bin/sh", "-c", script, ready=says("ready to serve"))
    with Supervisor(tmp_path) as group, pytest.raises(PartDown) as failure:
        group.start(broken)
    text = str(failure.value)
    assert "redis ended with code 3" in text
    assert "Error: no such module x" in text
    assert str(tmp_path / "redis.log") in text
    assert "\n" not in text


def test_a_part_that_is_never_ready_and_one_without_program(tmp_path):
    with Supervisor(tmp_path) as group:
        with pytest.raises(PartDown, match=r"slow was not ready after 0.2 s: \(its log is empty\)"):
            group.start(part("slow", "sleep", "60", ready=says("up"), timeout_s=0.2))
        with pytest.raises(PartDown, match="absent did not start: no program no-such-program"):
            group.start(part("absent", "no-such-program"))


def test_a_part_that_dies_is_started_again(tmp_path):
    (port,) = free_ports(1)
    changes = []
    with Supervisor(tmp_path, on_change=lambda: changes.append(1)) as group:
        group.start(listener("server", port, restart=True))
        first = group.status()["server"]["pid"]
        os.kill(first, signal.SIGKILL)
        until(lambda: group.status()["server"]["pid"] != first)
        until(lambda: answers_on(port)(tmp_path))
        assert group.status()["server"]["restarts"] == 1
    assert len(changes) == 2


def test_no_child_outlives_a_killed_supervisor(tmp_path):
    run = tmp_path / "run"
    state = up_in_background([sys.executable, "-c", SUPERVISE, str(run)], run)
    children = [ProcessId(p["pid"], p["started"]) for p in state["parts"].values()]
    assert all(child.alive for child in children)
    os.kill(state["supervisor"]["pid"], signal.SIGKILL)
    assert all(child.wait(5.0) for child in children)
    assert RunFile(run).read() == {}, "the state of a killed run is noticed"
    again = up_in_background([sys.executable, "-c", SUPERVISE, str(run)], run)
    with pytest.raises(AlreadyUp, match="already up"):
        up_in_background([sys.executable, "-c", SUPERVISE, str(run)], run)
    assert down(run)
    assert not down(run)
    assert not any(ProcessId(p["pid"], p["started"]).alive for p in again["parts"].values())


def test_two_owners_of_one_folder(tmp_path):
    first, second = RunFile(tmp_path), RunFile(tmp_path)
    first.acquire()
    first.write("up")
    with pytest.raises(AlreadyUp, match=str(os.getpid())):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_ports_differ_and_a_reused_number_is_another_process():
    assert len(set(free_ports(20))) == 20
    child = subprocess.Popen(["sleep", "60"])
    known = ProcessId.of(child.pid)
    assert known.alive
    assert not ProcessId(known.pid, known.started + 1).alive
    known.end(1.0)
    child.wait()
    assert not known.alive


def test_the_telling_line(tmp_path):
    log = tmp_path / "x.log"
    assert telling_line(log) == "(no log)"
    log.write_text("INFO start\nERROR: port already in use\nbye\n\n")
    assert telling_line(log) == "ERROR: port already in use"
    log.write_text("one\ntwo\n")
    assert telling_line(Path(log)) == "two"
    log.write_text("omniORB: Failed to bind to address 127.0.0.1 port 1. Address in use?\nRuntimeError: unknown\n")
    assert "in use" in telling_line(log), "the cause, not what came of it"


def test_no_port_that_an_outgoing_connection_may_take():
    first, last = map(int, OUTGOING_RANGE.read_text().split())
    if first <= SERVER_PORTS[0] and last >= SERVER_PORTS[-1]:
        pytest.skip("the kernel serves outgoing connections from every port here")
    assert all(not first <= port <= last for port in free_ports(50))
