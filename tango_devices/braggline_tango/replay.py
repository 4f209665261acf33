"""Scans that are played again: from a file through the command line's own `replay`, or from what is still in Redis."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from redis import Redis

from braggline_models.errors import BadInput
from braggline_service.streams import open_scans, reopen

logger = logging.getLogger(__name__)


class Replayer:
    """One replay of a file at a time, in a process of its own; `failure` is its last word when it went wrong."""

    def __init__(self, settings_file: str, on_end: Callable[[], None]) -> None:
        self.failure = ""
        self._settings_file = settings_file
        self._on_end = on_end
        self._process: subprocess.Popen[str] | None = None

    def start(self, source: str, redis: Redis) -> None:
        """`source`: a file, or the key of a scan whose frames are still in Redis. BadInput says what is wrong."""
        self.failure = ""
        if not _is_path(source):
            if source not in open_scans(redis):
                reopen(redis, source)
            return
        if not Path(source).is_file():
            raise BadInput(f"Replay: there is no file {source}; give its path as this host sees it, or a scan's key")
        if self._process is not None and self._process.poll() is None:
            raise BadInput("Replay: another file is being replayed; wait for its end")
        self._process = subprocess.Popen(
            [str(Path(sys.executable).with_name("braggline")), "replay", source],
            env=os.environ | ({"BRAGGLINE_SETTINGS": self._settings_file} if self._settings_file else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._wait, args=(self._process, source), daemon=True, name="replay").start()

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def _wait(self, process: subprocess.Popen[str], source: str) -> None:
        _, said = process.communicate()
        lines = said.strip().splitlines()
        if process.returncode > 0:
            self.failure = f"replay of {source} failed: {lines[-1] if lines else f'exit code {process.returncode}'}"
            logger.warning("%s", self.failure)
        self._on_end()


def _is_path(source: str) -> bool:
    return "/" in source or Path(source).suffix in (".h5", ".hdf5", ".nxs", ".cxi")
