"""A job that gave way takes its turn again as soon as the last frame is there, whichever thread hears of it."""

from __future__ import annotations

import os
import threading

from braggline_service.jobs.pace import give_way, take_turns


def test_another_thread_gets_its_turn_back() -> None:
    gave_way, checked, policies = threading.Event(), threading.Event(), []

    def phase() -> None:
        policies.append(os.sched_getscheduler(0))
        give_way()
        policies.append(os.sched_getscheduler(0))
        gave_way.set()
        checked.wait(10)
        policies.append(os.sched_getscheduler(0))

    thread = threading.Thread(target=phase)
    thread.start()
    assert gave_way.wait(10)
    take_turns()
    checked.set()
    thread.join()
    assert policies == [os.SCHED_OTHER, os.SCHED_IDLE, os.SCHED_OTHER]
