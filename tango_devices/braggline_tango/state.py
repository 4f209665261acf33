"""State and Status of the reconstruction, from what is known. Pure."""

from __future__ import annotations

from typing import Any

from tango import DevState

from braggline_service.board import Snapshot
from braggline_tango.reading import GROWING


def state_of(snapshot: Snapshot | None, accepted: bool, jobs: Any, failure: str) -> tuple[DevState, str]:
    """jobs: the dispatcher's status (state, message), None where another program runs the jobs."""
    if failure:
        return DevState.FAULT, f"the jobs ended: {failure}; Init starts them again"
    if jobs is not None and jobs.state == "fault":
        return DevState.FAULT, jobs.message
    if snapshot is not None and snapshot.stage in GROWING:
        share = f"{100 * snapshot.progress:.0f} %"
        return DevState.RUNNING, f"{snapshot.scan}: {snapshot.stage}, {share}{_message(snapshot)}"
    if jobs is not None and jobs.state == "starting":
        return DevState.INIT, jobs.message
    if snapshot is None:
        return DevState.ON, "waiting for the first scan"
    return _ended(snapshot, accepted)


def _ended(snapshot: Snapshot, accepted: bool) -> tuple[DevState, str]:
    gate = snapshot.values.get("gate") == "failed"
    if accepted:
        return DevState.ON, f"{snapshot.scan}: {snapshot.stage}, accepted by hand{_message(snapshot)}"
    if snapshot.stage in ("failed", "aborted"):
        return DevState.ALARM, f"{snapshot.scan}: {snapshot.stage}{_message(snapshot)}"
    if gate:
        return DevState.ALARM, f"{snapshot.scan}: the quality gate failed{_message(snapshot)}; Accept takes it as good"
    return DevState.ON, f"{snapshot.scan}: {snapshot.stage}{_message(snapshot)}"


def _message(snapshot: Snapshot) -> str:
    message = str(snapshot.values.get("message") or "")
    return f" ({message})" if message else ""
