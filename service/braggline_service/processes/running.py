"""A part that has been started: a child process that the kernel ends together with its parent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from braggline_service.processes.identity import ProcessId
from braggline_service.processes.part import Part, PartDown

# The shell leaves at once if the parent died before the kernel was told to watch it; else it becomes the program.
TIED = ("--pdeathsig", "KILL", "/bin/sh", "-c", '[ "$PPID" = "$0" ] || exit 1; exec "$@"')


def tied_command(command: tuple[str, ...]) -> list[str]:
    """`command` as a child of this process that gets SIGKILL when the forking thread ends, however it ends."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PartDown("setpriv is not on the PATH, so that no process can be tied to its parent; install util-linux")
    return [setpriv, *TIED, str(os.getpid()), *command]


@dataclass
class Running:
    part: Part
    process: subprocess.Popen[bytes]
    log: Path
    since: float
    restarts: int = 0

    @classmethod
    def fork(cls, part: Part, log: Path, restarts: int = 0) -> Running:
        """Start the part; its output goes to `log`, which a first start empties."""
        program = shutil.which(part.command[0], path=part.env.get("PATH"))
        if program is None:
            raise PartDown(f"{part.name} did not start: no program {part.command[0]}; nothing in {log}")
        with log.open("ab" if restarts else "wb") as output:
            process = subprocess.Popen(
                tied_command((program, *part.command[1:])),
                env=dict(part.env),
                cwd=part.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C goes to the supervisor alone, which stops the parts in order
            )
        return cls(part, process, log, time.monotonic(), restarts)

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def identity(self) -> ProcessId | None:
        return None if self.ended else ProcessId.of(self.process.pid)

    def stop(self, grace_s: float) -> None:
        """SIGTERM, SIGKILL after the grace, then SIGKILL for whatever is left of its process group."""
        if not self.ended:
            self.process.terminate()
            try:
                self.process.wait(grace_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
        with suppress(ProcessLookupError):  # the group is empty: the usual case
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
