"""Which process is meant: a number alone is used again by the system, a number and a start time are not."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProcessId:
    """pid and start time (clock ticks since boot, field 22 of /proc/PID/stat)."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The process that has this number now; None if there is none or it only waits to be reaped."""
        fields = _stat(pid)
        return cls(pid, int(fields[19])) if fields and fields[0] not in ("Z", "X") else None

    @property
    def alive(self) -> bool:
        return ProcessId.of(self.pid) == self

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this very process; nothing happens if it has ended."""
        if not self.alive:
            return
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return

    def wait(self, timeout_s: float) -> bool:
        """True once it has ended, False if it still runs after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while self.alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def end(self, grace_s: float) -> None:
        """SIGTERM, then SIGKILL after `grace_s`."""
        self.send(signal.SIGTERM)
        if not self.wait(grace_s):
            self.send(signal.SIGKILL)
            self.wait(5.0)


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat after the command's closing bracket (the command may hold blanks)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
