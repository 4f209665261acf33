"""Where the Bragg peak is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from braggline_models.errors import BadInput
from braggline_models.preprocess.hot_pixels import masked_sum
from braggline_models.scan import BoolArray, RockingCurve, Vector

SMOOTH_PX = 2.0
AROUND_PX = 12  # half width of the box whose centre of mass is the peak


@dataclass(frozen=True)
class BraggPeak:
    """Centre of mass (frame, row, column) in raw pixels, and the counts of each frame around it."""

    center_px: Vector
    counts_per_frame: NDArray[np.float64]


def find_peak(curve: RockingCurve, hot: BoolArray | None = None) -> BraggPeak:
    """sum of I x / sum of I in a box about the brightest spot of the smoothed sum image.

    Raises BadInput where no frame holds a count.
    """
    bad = curve.mask if hot is None else curve.mask | hot
    image = np.where(bad, np.float32(0.0), masked_sum(curve))
    if not image.any():
        raise BadInput(f"{curve.name}: every measured frame is empty; check shutter, attenuator and detector")
    row, column = (int(i) for i in np.unravel_index(int(np.argmax(gaussian_filter(image, SMOOTH_PX))), image.shape))
    rows = slice(max(row - AROUND_PX, 0), row + AROUND_PX + 1)
    columns = slice(max(column - AROUND_PX, 0), column + AROUND_PX + 1)
    box = curve.intensity[:, rows, columns] * ~bad[rows, columns]
    counts = box.sum(axis=(1, 2), dtype=np.float64) * curve.measured
    frame = float(counts @ np.arange(len(counts)) / counts.sum())
    return BraggPeak((frame, *_center(image, rows, columns)), counts)


def frame_counts(curve: RockingCurve, hot: BoolArray | None = None) -> NDArray[np.float64]:
    """Counts of each frame over the good pixels: (n_frames,), 0 where not measured."""
    bad = curve.mask if hot is None else curve.mask | hot
    good = ~bad
    counts = np.zeros(len(curve.intensity))
    for index in np.flatnonzero(curve.measured):
        counts[index] = float(np.sum(curve.intensity[index][good], dtype=np.float64))
    return counts


def _center(image: NDArray[np.float32], rows: slice, columns: slice) -> tuple[float, float]:
    box = image[rows, columns].astype(np.float64)
    total = box.sum()
    row = rows.start + float(box.sum(axis=1) @ np.arange(box.shape[0]) / total)
    return row, columns.start + float(box.sum(axis=0) @ np.arange(box.shape[1]) / total)
