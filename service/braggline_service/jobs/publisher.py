"""What a job has told the board so far, and how it tells more."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braggline_models.results import Reconstruction, StrainField
from braggline_service.board import Board, Snapshot
from braggline_service.connection import patiently
from braggline_service.plain import plain

AWAY_FOR_S = 120.0  # how long a job waits for Redis before it gives up and is run again
VOLUMES = ("amplitude", "phase_rad", "displacement_m", "strain", "uncertainty", "d_spacing_m")


class Publisher:
    """Merges news of one scan into its snapshot; used by the reading and by the phasing thread alike."""

    def __init__(self, board: Board, scan: str) -> None:
        self._board = board
        self._scan = scan
        self._stage = "waiting"
        self._progress = 0.0
        self._values: dict[str, Any] = {}
        self._lock = threading.Lock()

    def tell(
        self,
        stage: str | None = None,
        progress: float | None = None,
        values: Mapping[str, Any] | None = None,
        arrays: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        """Publish what is new; everything told before still holds. Progress never goes back."""
        with self._lock:
            self._stage = stage or self._stage
            self._progress = max(self._progress, progress or 0.0)
            self._values |= plain(values or {})
            snapshot = Snapshot(self._scan, self._stage, self._progress, dict(self._values), arrays or {})
            patiently(lambda: self._board.publish(snapshot), AWAY_FOR_S)


def strain_arrays(strain: StrainField) -> dict[str, NDArray[Any]]:
    """The maps of a strain field under their names on the board."""
    return {name: getattr(strain, name) for name in VOLUMES}


def slice_arrays(result: Reconstruction) -> dict[str, NDArray[Any]]:
    """Amplitude (1 at its largest) and phase of a 2D object under their names on the board; phase NaN outside."""
    object_, support = result.object_[0], result.support[0]
    amplitude = np.abs(object_)
    return {
        "slice_amplitude": (amplitude / max(float(amplitude.max()), 1e-30)).astype(np.float32),
        "slice_phase_rad": np.where(support, np.angle(object_), np.nan).astype(np.float32),
    }
