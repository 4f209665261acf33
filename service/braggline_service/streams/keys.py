"""The names of everything in Redis that belongs to frames."""

from __future__ import annotations

from dataclasses import dataclass

OPEN = "braggline:scans:open"  # sorted set: scans whose result is not committed, by the time of their opening
COMMITTED = "braggline:scans:committed"  # list: scans whose frames are kept for another go, oldest first
BYTES = "braggline:scans:bytes"  # hash: frame bytes in Redis now, by scan; leaves with the scan


@dataclass(frozen=True)
class Keys:
    """The keys of one scan.

    header     string: ScanHeader as JSON
    frames     stream: {header: FrameHeader as JSON, data: bytes}
    published, processed, unreadable   bitmaps over the frame index
    state      hash: state ('open', 'complete', 'aborted') and acquired
    """

    scan: str

    @property
    def header(self) -> str:
        return self._key("header")

    @property
    def frames(self) -> str:
        return self._key("frames")

    @property
    def published(self) -> str:
        return self._key("published")

    @property
    def processed(self) -> str:
        return self._key("processed")

    @property
    def unreadable(self) -> str:
        return self._key("unreadable")

    @property
    def state(self) -> str:
        return self._key("state")

    @property
    def all(self) -> tuple[str, ...]:
        return self.header, self.frames, self.published, self.processed, self.unreadable, self.state

    def _key(self, part: str) -> str:
        return f"braggline:scan:{self.scan}:{part}"
