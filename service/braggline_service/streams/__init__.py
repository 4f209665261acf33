"""Frames through Redis, nothing lost: one stream a scan, frames by index, kept until the result is there."""

from braggline_service.streams.ledger import (
    Counts,
    bytes_buffered,
    close_scan,
    commit,
    counts,
    open_scan,
    open_scans,
    read_header,
    remove,
    reopen,
)
from braggline_service.streams.reader import Frame, FrameReader
from braggline_service.streams.writer import FrameWriter, ScanGone, StreamUnavailable

__all__ = [
    "Counts",
    "Frame",
    "FrameReader",
    "FrameWriter",
    "ScanGone",
    "StreamUnavailable",
    "bytes_buffered",
    "close_scan",
    "commit",
    "counts",
    "open_scan",
    "open_scans",
    "read_header",
    "remove",
    "reopen",
]
