"""The frames that the detector server still has in memory: a new one overwrites the oldest."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray


class RingBuffer:
    """The last `size` frames of an acquisition, by index."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._frames: dict[int, NDArray[np.uint32]] = {}
        self._lock = threading.Lock()

    def clear(self) -> None:
        with self._lock:
            self._frames.clear()

    def put(self, index: int, frame: NDArray[np.uint32]) -> None:
        with self._lock:
            self._frames[index] = frame
            self._frames.pop(index - self.size, None)

    def get(self, index: int) -> tuple[int, NDArray[np.uint32]]:
        """The frame and its index; -1 is the last one. LookupError in the words that Lima's clients look for."""
        with self._lock:
            key = max(self._frames, default=-1) if index < 0 else index
            if key not in self._frames:
                raise LookupError(f"frame {index} not available")
            return key, self._frames[key]
