"""A group of processes: started in order, restarted where asked for, stopped in reverse order."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from braggline_service.processes.logs import telling_line
from braggline_service.processes.part import Part, PartDown
from braggline_service.processes.running import Running

LOG = logging.getLogger(__name__)
POLL_S = 0.05
WATCH_S = 0.3
LONGEST_PAUSE_S = 30.0
HEALTHY_AFTER_S = 60.0


class Supervisor:
    """Starts parts and waits for each; a context manager that leaves no process behind, even when it is killed.

    Linux sends the death signal of a child when the THREAD that forked it ends. One thread of this object therefore
    forks for everybody, and lives as long as the parts.
    """

    def __init__(self, log_dir: Path, on_change: Callable[[], None] | None = None) -> None:
        log_dir.mkdir(parents=True, exist_ok=True)
        self.log_dir = log_dir
        self._on_change = on_change or (lambda: None)
        self._parts: dict[str, Running] = {}
        self._lock = threading.RLock()
        self._forks = ThreadPoolExecutor(1, thread_name_prefix="forks")
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *parts: Part) -> None:
        """Start `parts` side by side, wait until all are ready; PartDown (one line) if one ends or takes too long."""
        for part in parts:
            running = self._forks.submit(Running.fork, part, self.log_dir / f"{part.name}.log").result()
            with self._lock:
                self._parts[part.name] = running
        for part in parts:
            self._wait_ready(self._parts[part.name])
        if any(part.restart for part in parts) and self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="watch", daemon=True)
            self._watcher.start()
        self._on_change()

    def status(self) -> dict[str, dict[str, Any]]:
        """{part: {pid, started, alive, port, log, restarts}}, in the order of their start."""
        with self._lock:
            parts = dict(self._parts)
        return {name: _describe(running) for name, running in parts.items()}

    def stop(self, grace_s: float = 5.0) -> None:
        """Stop all parts, the last one started first; may be called again."""
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join()
        with self._lock:
            for name in reversed(list(self._parts)):
                self._parts.pop(name).stop(grace_s)
        self._forks.shutdown()

    def _wait_ready(self, running: Running) -> None:
        part = running.part
        while not part.ready(running.log):
            waited = time.monotonic() - running.since
            if running.ended:
                why = f"ended with code {running.process.returncode}"
            elif waited > part.timeout_s:
                why = f"was not ready after {part.timeout_s:g} s"
            else:
                time.sleep(POLL_S)
                continue
            raise PartDown(f"{part.name} {why}: {telling_line(running.log)} (log: {running.log})")

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_S):
            with self._lock:
                ended = [r for r in self._parts.values() if r.part.restart and r.ended]
            for running in ended:
                self._restart(running)

    def _restart(self, running: Running) -> None:
        """Start an ended part again, at once the first time and ever later if it keeps ending."""
        lasted = time.monotonic() - running.since
        times = 1 if lasted > HEALTHY_AFTER_S else running.restarts + 1
        pause = min(LONGEST_PAUSE_S, 0.25 * 2.0 ** (times - 1)) if times > 1 else 0.0
        name, code = running.part.name, running.process.returncode
        LOG.warning("%s ended with code %s after %.0f s; starting it again (log: %s)", name, code, lasted, running.log)
        if self._stopping.wait(pause):
            return
        running.stop(0.0)  # what is left of its process group
        with self._lock:
            self._parts[name] = self._forks.submit(Running.fork, running.part, running.log, times).result()
        self._on_change()


def _describe(running: Running) -> dict[str, Any]:
    identity = running.identity
    return {
        "pid": running.process.pid,
        "started": identity.started if identity else 0,
        "alive": identity is not None,
        "port": running.part.port,
        "log": str(running.log),
        "restarts": running.restarts,
    }
