"""One process of a supervised group: how it is started, and how one knows that it is ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from braggline_service.processes.ports import LOOPBACK, port_answers

Ready = Callable[[Path], bool]


class PartDown(RuntimeError):
    """One line: which part did not come up, what its log says last, where the log is."""


def answers_on(port: int, host: str = LOOPBACK) -> Ready:
    """Ready when something accepts connections on `port`."""
    return lambda _log: port_answers(port, host)


def says(text: str) -> Ready:
    """Ready when the log holds `text`."""
    return lambda log: log.exists() and text.encode() in log.read_bytes()


def at_once(_log: Path) -> bool:
    return True


@dataclass(frozen=True)
class Part:
    """A process to supervise.

    command  program and arguments; the program is looked up on the PATH of `env`
    env      the whole environment of the process
    ready    told the log file; the part counts as up when it says True
    port     where it listens, for the status (None: nowhere or unknown)
    restart  start it again when it ends by itself
    """

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path | None = None
    ready: Ready = field(default=at_once)
    timeout_s: float = 30.0
    port: int | None = None
    restart: bool = False
