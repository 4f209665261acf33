"""RUN/state.json: what runs in a run folder, for commands that come later; RUN/lock says whether it is still true."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from braggline_service.processes.identity import ProcessId


class AlreadyUp(RuntimeError):
    """One line: something runs in this run folder already, and its process number."""


class RunFile:
    """The state of one run folder. The lock is the kernel's, so that a killed owner never leaves it behind."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.path = run_dir / "state.json"
        self._lock: int | None = None

    def acquire(self) -> None:
        """Become the owner and forget what a killed one has left; AlreadyUp if there is a living one."""
        self.run_dir.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.run_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            pid = self._raw().get("supervisor", {}).get("pid", "unknown")
            raise AlreadyUp(f"{self.run_dir} is already up (process {pid})") from error
        self._lock = lock
        self.path.unlink(missing_ok=True)

    def write(self, phase: str, **state: Any) -> None:
        """Replace the state in one step. phase: starting, up, failed."""
        me = ProcessId.of(os.getpid())
        assert me is not None
        content = {"phase": phase, "supervisor": {"pid": me.pid, "started": me.started}, **state}
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(content, indent=1))
        new.replace(self.path)

    def release(self) -> None:
        """Nothing runs here any more; may be called again."""
        if self._lock is None:
            return
        self.path.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = None

    def read(self) -> dict[str, Any]:
        """The state, empty if nothing runs; what a killed owner has left is removed on sight."""
        state = self._raw()
        if state and not self.owner_of(state):
            self.path.unlink(missing_ok=True)
            return {}
        return state

    def owner(self) -> ProcessId | None:
        """The living process that runs this folder."""
        return self.owner_of(self._raw())

    @staticmethod
    def owner_of(state: dict[str, Any]) -> ProcessId | None:
        owner = ProcessId(**state["supervisor"]) if "supervisor" in state else None
        return owner if owner and owner.alive else None

    def _raw(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads(self.path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return state
