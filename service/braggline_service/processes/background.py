"""`up` that returns: the supervisor goes on in a process of its own, and `down` ends it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from braggline_service.processes.identity import ProcessId
from braggline_service.processes.logs import telling_line
from braggline_service.processes.part import PartDown
from braggline_service.processes.runfile import AlreadyUp, RunFile

PART_GRACE_S = 5.0


def up_in_background(
    command: list[str], run_dir: Path, env: Mapping[str, str] | None = None, timeout_s: float = 120.0
) -> dict[str, Any]:
    """Start `command`, a supervisor of `run_dir`, and wait until its state says 'up'; gives that state.

    AlreadyUp if one runs there; PartDown with the line of the part that failed.
    """
    file = RunFile(run_dir)
    if owner := file.owner():
        raise AlreadyUp(f"{run_dir} is already up (process {owner.pid})")
    run_dir.mkdir(parents=True, exist_ok=True)
    log = run_dir / "supervisor.log"
    pid = _spawn(command, log, env)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        ended = os.waitpid(pid, os.WNOHANG)[0] == pid
        state = file.read()
        if state.get("phase") == "up":
            return state
        if ended:
            raise PartDown(telling_line(log).removeprefix("error: "))
        time.sleep(0.05)
    os.kill(pid, signal.SIGTERM)
    raise PartDown(f"{run_dir} was not up after {timeout_s:g} s: {telling_line(log)} (log: {log})")


def down(run_dir: Path, grace_s: float = 20.0) -> bool:
    """End what runs in `run_dir`, supervisor and parts; False if nothing did. None of them is left on return."""
    file = RunFile(run_dir)
    state = file.read()
    owner = file.owner_of(state)
    if owner:
        owner.end(grace_s)
        # The parts of a supervisor that did not stop them itself are ended by the kernel, a moment after it.
        for part in state.get("parts", {}).values():
            ProcessId(part["pid"], part["started"]).end(PART_GRACE_S)
    file.read()  # removes what a killed one has left
    return owner is not None


def _spawn(command: list[str], log: Path, env: Mapping[str, str] | None) -> int:
    """Start `command` in a session of its own, output to `log`; unlike a Popen object, it may be left to itself."""
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), write, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawnp(command[0], command, dict(env or os.environ), file_actions=files, setsid=True)
