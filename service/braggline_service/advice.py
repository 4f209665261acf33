"""The standing recommendation: one document on the board, moved by people and by the clock.

    put -> pending -> approved -> applied          mode auto approves by itself, mode off drops
               \\-> rejected   \\-> expired          a pending one expires too

Only a person, or mode auto, approves; braggline itself moves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from redis.lock import Lock

from braggline_models.errors import BadInput
from braggline_models.recommendation import ScanLimits, clipped
from braggline_models.results import Recommendation
from braggline_service.board import PREFIX, Board
from braggline_service.settings import AdviceSettings

MODES = ("off", "suggest", "confirm", "auto")
DEFAULT_MODE = "suggest"
HISTORY_KEPT = 100
DOCUMENT, SWITCHES = "recommendation", "advisor"
LIMITS = tuple(field.name for field in fields(ScanLimits))


class Advice:
    """Keeps at most one standing recommendation; every change of its state is a line of the history.

    The document: id, scan, state ('none', 'pending', 'approved', 'applied', 'rejected', 'expired'), mode, action,
    parameters, reason, expected_gain, confidence, limits_hit, details, created_at, expires_at (Unix s), note, history.
    """

    def __init__(self, board: Board, limits: AdviceSettings, clock: Callable[[], float] = time.time) -> None:
        self.board = board
        self.limits = limits
        self.clock = clock

    # ---- the switches of the advisor device
    def switches(self) -> tuple[str, ScanLimits]:
        """Mode and limits as the advisor device keeps them on the board; the settings where it has not."""
        kept = self.board.read(SWITCHES)
        return str(kept.get("mode", DEFAULT_MODE)), scan_limits(self.limits, kept.get("limits", {}))

    # ---- what happens to a recommendation
    def put(self, scan: str, recommendation: Recommendation, mode: str | None = None) -> dict[str, Any]:
        """Make it the standing one, clipped to the limits; the one before it is dropped. Gives the document."""
        kept_mode, limits = self.switches()
        mode = mode or kept_mode
        if mode not in MODES:
            raise BadInput(f"advisor mode '{mode}' is unknown; use one of {', '.join(MODES)}")
        with self._locked():
            before = self._read()
            if mode == "off":
                return before
            now = self.clock()
            number = int(before.get("number", 0)) + 1
            document = _as_document(clipped(recommendation, limits)) | {
                "id": f"{scan}#{number}", "number": number, "scan": scan, "mode": mode, "created_at": now,
                "expires_at": now + recommendation.expires_after_s, "history": before["history"],
            }  # fmt: skip
            if mode == "auto":
                return self._move(document, "approved", "mode auto")
            return self._move(document, "pending", "")

    def current(self) -> dict[str, Any]:
        """The document as it stands now; what is past its time becomes 'expired' here."""
        document = self._read()
        if not self._is_overdue(document):
            return document
        with self._locked():
            document = self._read()
            return self._move(document, "expired", "not used in time") if self._is_overdue(document) else document

    def approve(self, identifier: str | None = None) -> dict[str, Any]:
        """pending -> approved. BadInput says why not."""
        return self._decide("approve", ("pending",), "approved", "", identifier)

    def reject(self, reason: str) -> dict[str, Any]:
        """pending or approved -> rejected, with the reason for the history."""
        return self._decide("reject", ("pending", "approved"), "rejected", reason)

    def applied(self, identifier: str) -> dict[str, Any]:
        """approved -> applied: a scan was started with it."""
        return self._decide("apply", ("approved",), "applied", "", identifier)

    def clear(self) -> dict[str, Any]:
        """Whatever stands is taken away; the history stays."""
        with self._locked():
            before = self._read()
            kept = {"number": before.get("number", 0), "history": before["history"]}
            if before["state"] == "none":
                return before
            return self._move(before, "none", "cleared", kept)

    # ---- inside
    def _decide(
        self, verb: str, allowed: tuple[str, ...], state: str, note: str, identifier: str | None = None
    ) -> dict[str, Any]:
        self.current()
        with self._locked():
            document = self._read()
            if identifier and document.get("id") != identifier:
                raise BadInput(f"cannot {verb} '{identifier}': the standing recommendation is {_told(document)}")
            if document["state"] not in allowed:
                raise BadInput(f"cannot {verb}: the standing recommendation is {_told(document)}")
            return self._move(document, state, note)

    def _move(
        self, document: dict[str, Any], state: str, note: str, kept: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        line = {
            "at": self.clock(), "id": document.get("id", ""), "scan": document.get("scan", ""), "state": state,
            "action": document.get("action", ""), "note": note,
        }  # fmt: skip
        history = [*document["history"], line][-HISTORY_KEPT:]
        after = (document if kept is None else kept) | {"state": state, "note": note, "history": history}
        self.board.write(DOCUMENT, after)
        return after

    def _read(self) -> dict[str, Any]:
        return {"state": "none", "history": []} | self.board.read(DOCUMENT)

    def _is_overdue(self, document: Mapping[str, Any]) -> bool:
        return document["state"] in ("pending", "approved") and self.clock() >= document["expires_at"]

    def _locked(self) -> Lock:
        """Jobs, devices and the command line may move it at the same time."""
        return self.board.redis.lock(f"{PREFIX}:advice:lock", timeout=10, blocking_timeout=5)


def scan_limits(settings: AdviceSettings, over: Mapping[str, Any]) -> ScanLimits:
    """The limits of the settings with those in `over` on top. BadInput names a key that is no limit."""
    unknown = sorted(set(over) - set(LIMITS))
    if unknown:
        raise BadInput(f"advisor limits: '{unknown[0]}' is unknown; use one of {', '.join(LIMITS)}")
    return replace(ScanLimits.of(settings), **over)


def _as_document(recommendation: Recommendation) -> dict[str, Any]:
    return {
        "action": recommendation.action,
        "parameters": dict(recommendation.parameters),
        "reason": recommendation.reason,
        "expected_gain": recommendation.expected_gain,
        "confidence": recommendation.confidence,
        "limits_hit": list(recommendation.limits_hit),
        "details": dict(recommendation.details),
    }


def _told(document: Mapping[str, Any]) -> str:
    """'pending (scan_0002#3)', or 'none; a scan makes one'."""
    if document["state"] == "none":
        return "none; the next scan makes one"
    note = f", {document['note']}" if document.get("note") else ""
    return f"{document['state']} ({document['id']}{note})"
