"""What a log says about a failure, in one line."""

from __future__ import annotations

import re
from pathlib import Path

TELLING = re.compile(
    r"error|exception|fail|fatal|critical|refused|denied|already in use|not found|no such|cannot", re.I
)
PORT_TAKEN = re.compile(r"address (?:already )?in use", re.I)
LENGTH = 200


def telling_line(log: Path) -> str:
    """The last line that tells of a failure, else the last line that is not empty; at most 200 characters.

    A port that is taken comes first: what a program says after that, its traceback say, hides the cause.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 64_000))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    except OSError:
        return "(no log)"
    if not lines:
        return "(its log is empty)"
    telling = [line for line in lines if TELLING.search(line)]
    taken = [line for line in lines if PORT_TAKEN.search(line)]
    return (taken or telling or lines)[-1][:LENGTH]
