"""Who goes first on a machine that BLISS shares with a worker: the scan, as long as there is one."""

from __future__ import annotations

import os


def give_way() -> None:
    """From here on this thread, and threads that it starts, run only where nothing else wants to (SCHED_IDLE)."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def take_turns() -> None:
    """Like any other process again: the scan is over, and somebody waits for its result."""
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
