"""Results that a person took as good although their gate failed."""

from __future__ import annotations

import time

from braggline_service.board import Board

DOCUMENT = "accepted"
KEPT = 100


def accepted_scans(board: Board) -> dict[str, float]:
    """Scan -> when it was accepted (Unix s)."""
    return board.read(DOCUMENT)


def accept(board: Board, scan: str) -> None:
    """Keep it for the record; the oldest are forgotten."""
    kept = accepted_scans(board) | {scan: time.time()}
    board.write(DOCUMENT, dict(sorted(kept.items(), key=lambda item: item[1])[-KEPT:]))
