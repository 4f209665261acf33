"""The names of everything in Redis that belongs to frames."""

from __future__ import annotations

from dataclasses import dataclass

OPEN = "braggline:scans:open"  # sorted set: scans whose result is not committed, by the time of their opening
COMMITTED = "braggline:scans:committed"  # list: scans whose frames are kept for another go, oldest first
BYTES = "braggline:scans:bytes"  # frame bytes in Redis now


@dataclass(frozen=True)
class Keys:
    """The keys of one scan."""

    scan: str

    def __getattr__(self, name: str) -> str:
        if name not in ("header", "frames", "published", "processed", "state"):
            raise AttributeError(name)
        return f"braggline:scan:{self.scan}:{name}"

    @property
    def all(self) -> tuple[str, ...]:
        return self.header, self.frames, self.published, self.processed, self.state
