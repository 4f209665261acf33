"""BraggAdvisor: the standing recommendation, its limits, and the three words that a person says to it."""

from __future__ import annotations

from typing import Any

from tango import AttrWriteType, DevState
from tango.server import attribute, command

from braggline_models.errors import BadInput
from braggline_service.advice import DEFAULT_MODE, MODES, SWITCHES, Advice
from braggline_tango.attributes import ADVISOR
from braggline_tango.face import Face
from braggline_tango.kept import Kept
from braggline_tango.pusher import BoardWait
from braggline_tango.reading import iso, read_advice
from braggline_tango.told import told

TUNED = {"access": AttrWriteType.READ_WRITE, "memorized": True, "hw_memorized": True}


class BraggAdvisor(Face):
    """Promise: what is shown as the next scan stands, has not expired, and lies inside the limits below.

    It moves nothing by itself. ON: waiting for a decision or for a scan. OFF: mode off, recommendations are dropped.
    """

    rows = ADVISOR

    Mode = attribute(
        dtype=str, label="mode",
        doc="off: recommendations are dropped; suggest: shown until approved; confirm: the next scan waits for the "
        "decision; auto: approved by themselves", **TUNED,
    )  # fmt: skip
    MaxRange = attribute(dtype=float, unit="deg", label="largest range", format="%.3f", min_value=1e-6, **TUNED)
    MinStep = attribute(dtype=float, unit="deg", label="smallest step", format="%.5f", min_value=1e-7, **TUNED)
    MaxExposure = attribute(dtype=float, unit="s", label="longest exposure", format="%.2f", min_value=1e-6, **TUNED)
    MaxPoints = attribute(dtype=int, label="most points", format="%d", min_value=3, **TUNED)

    def init_device(self) -> None:
        self._kept = Kept(SWITCHES)
        self._limits: dict[str, Any] = {}
        super().init_device()

    def begin(self) -> None:
        self.advice = Advice(self.board, self.settings.advice)
        self.start_pusher(BoardWait(self.board))

    def end(self) -> None:
        pass  # nothing but the pusher runs here

    def deliver(self, changed: bool) -> None:
        if changed:
            self._kept.sync(self.board)
        document = self.advice.current()  # on every look: a recommendation expires by the clock
        self.publish(read_advice(document), *_state(document, self.read_Mode()))

    # ---- switches
    def read_Mode(self) -> str:
        return str(self._kept.get("mode", DEFAULT_MODE))

    def write_Mode(self, mode: str) -> None:
        with told("Mode"):
            if mode not in MODES:
                raise BadInput(f"mode '{mode}' is unknown; use one of {', '.join(MODES)}")
        self._tune("mode", mode)

    def read_MaxRange(self) -> float:
        return float(self._limit("max_range_deg"))

    def write_MaxRange(self, value: float) -> None:
        self._tune_limit("max_range_deg", float(value))

    def read_MinStep(self) -> float:
        return float(self._limit("min_step_deg"))

    def write_MinStep(self, value: float) -> None:
        self._tune_limit("min_step_deg", float(value))

    def read_MaxExposure(self) -> float:
        return float(self._limit("max_exposure_s"))

    def write_MaxExposure(self, value: float) -> None:
        self._tune_limit("max_exposure_s", float(value))

    def read_MaxPoints(self) -> int:
        return int(self._limit("max_points"))

    def write_MaxPoints(self, value: int) -> None:
        self._tune_limit("max_points", int(value))

    # ---- commands
    @command(doc_in="the standing recommendation may be used by the next scan")
    def Approve(self) -> None:
        with told("Approve"):
            self.advice.approve()

    @command(dtype_in=str, doc_in="why not; kept in the history")
    def Reject(self, reason: str) -> None:
        with told("Reject"):
            self.advice.reject(reason)

    @command(doc_in="take the standing recommendation away")
    def Clear(self) -> None:
        with told("Clear"):
            self.advice.clear()

    @command(dtype_in=str, doc_in="id of the approved recommendation that a scan was started with")
    def Applied(self, identifier: str) -> None:
        with told("Applied"):
            self.advice.applied(identifier)

    # ---- inside
    def _limit(self, name: str) -> Any:
        return self._kept.get("limits", {}).get(name, getattr(self.settings.advice, name))

    def _tune_limit(self, name: str, value: Any) -> None:
        self._tune("limits", self._kept.get("limits", {}) | {name: value})

    def _tune(self, key: str, value: Any) -> None:
        self._kept.set(key, value)
        if self._pusher is not None:
            self._kept.request_sync(self.board)


def _state(document: dict[str, Any], mode: str) -> tuple[DevState, str]:
    if mode == "off":
        return DevState.OFF, "mode off: recommendations are dropped"
    if document["state"] == "none":
        return DevState.ON, f"mode {mode}: no recommendation yet"
    told_ = f"mode {mode}: {document['action']} ({document['id']}) is {document['state']}"
    if document["state"] in ("pending", "approved"):
        return DevState.ON, f"{told_} until {iso(document['expires_at'])}: {document['reason']}"
    return DevState.ON, f"{told_}{', ' + document['note'] if document.get('note') else ''}"
