"""What a Tango client sees of the result while the scan runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tango


@dataclass(frozen=True)
class Picture:
    """One change event of the strain picture: seconds since the watch began, and what the device said then."""

    at_s: float
    quality: str
    stage: str
    frames_used: int
    strain_rms: float


@dataclass
class Watch:
    """Subscribes to StrainXY and keeps every event that brought a picture."""

    device: tango.DeviceProxy
    on_picture: Callable[[Picture], None]
    pictures: list[Picture] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    final: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._ours = False
        self._ids = [
            self.device.subscribe_event("StrainXY", tango.EventType.CHANGE_EVENT, self._picture),
            self.device.subscribe_event("Stage", tango.EventType.CHANGE_EVENT, self._stage),
        ]

    def now(self) -> float:
        """Seconds since the watch began."""
        return time.monotonic() - self.started

    def close(self) -> None:
        for identifier in self._ids:
            self.device.unsubscribe_event(identifier)

    def _picture(self, event: Any) -> None:
        if not self._ours or event.err or event.attr_value.value is None:
            return
        if event.attr_value.quality == tango.AttrQuality.ATTR_INVALID:
            return
        values = np.asarray(event.attr_value.value)
        if not np.isfinite(values).any():
            return
        stage, used = (a.value for a in self.device.read_attributes(["Stage", "FramesUsed"]))
        rms = float(np.sqrt(np.nanmean(values**2)))
        seen = Picture(self.now(), str(event.attr_value.quality), str(stage), int(used or 0), rms)
        self.pictures.append(seen)
        self.on_picture(seen)

    def _stage(self, event: Any) -> None:
        """A scan that was over before the watch began may still be shown: ours begins with a stage that is open."""
        if event.err:
            return
        ended = event.attr_value.value in ("final", "failed", "aborted")
        self._ours = self._ours or not ended
        if ended and self._ours:
            self.final.set()
