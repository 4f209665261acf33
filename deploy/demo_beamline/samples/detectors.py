"""The detectors that the emulated LimaCCDs can be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bands = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class DetectorModel:
    """bliss_name: of the Lima object in the session. beam_center_px: (row, column) of the direct beam, arm at 0.

    Rows and columns of the gaps read 0.
    """

    bliss_name: str
    model: str
    shape_px: tuple[int, int]
    pixel_size_m: float
    distance_m: float
    beam_center_px: tuple[float, float]
    gap_rows: Bands = ()
    gap_columns: Bands = ()
    hot_pixels: int = 0

    def alive(self) -> NDArray[np.bool_]:
        """(rows, columns) True where there are pixels."""
        alive = np.ones(self.shape_px, bool)
        for start, stop in self.gap_rows:
            alive[start:stop] = False
        for start, stop in self.gap_columns:
            alive[:, start:stop] = False
        return alive


DISTANCE_M = 0.50678  # of the platinum crystal's measurement at ID01, CXIDB-182
MAXIPIX = DetectorModel(
    "simdet", "Maxipix 2x2", (516, 516), 55e-6, DISTANCE_M, (208.0, 154.0), ((255, 261),), ((255, 261),), hot_pixels=5
)
EIGER2M = DetectorModel(
    "eiger2M",
    "Eiger2 2M",
    (2164, 1030),
    75e-6,
    DISTANCE_M,
    (1000.0, 500.0),
    ((255, 259), (511, 552), (804, 809), (1061, 1102), (1355, 1359), (1611, 1652), (1905, 1909)),
    ((255, 259), (513, 517), (771, 775)),
    hot_pixels=8,
)
DETECTORS = {"maxipix": MAXIPIX, "eiger2m": EIGER2M}
