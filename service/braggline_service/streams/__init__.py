"""Frames through Redis, nothing lost: one stream a scan, each frame by its index, kept until the result is there."""

from braggline_service.streams.ledger import Counts, commit, counts, open_scan, open_scans, remove, reopen
from braggline_service.streams.reader import Frame, FrameReader
from braggline_service.streams.writer import FrameWriter, StreamUnavailable

__all__ = [
    "Counts",
    "Frame",
    "FrameReader",
    "FrameWriter",
    "StreamUnavailable",
    "commit",
    "counts",
    "open_scan",
    "open_scans",
    "remove",
    "reopen",
]
