"""Who goes first on a machine that BLISS shares with a worker: the scan, as long as there is one."""

from __future__ import annotations

import os
from contextlib import suppress


def give_way() -> None:
    """From here on this thread, and threads that it starts, run only where nothing else wants to (SCHED_IDLE)."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def take_turns() -> None:
    """All threads of the process like any other again: the scan is over, and somebody waits for its result.

    Whoever calls it need not be the one that gave way: the last frame arrives while another thread phases.
    """
    for thread in os.listdir("/proc/self/task"):
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.sched_setscheduler(int(thread), os.SCHED_OTHER, os.sched_param(0))
