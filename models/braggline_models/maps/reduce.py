"""One frame in a few numbers: what is in the peak, where it is, how wide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from braggline_models.errors import BadInput
from braggline_models.scan import BoolArray

Roi = tuple[int, int, int, int]  # first row, row after, first column, column after

CLIP_SIGMA, CLIP_COUNTS = 3.0, 1.0  # a brighter pixel is no background; single photons are
SEEK_PX = 5  # side of the box whose sum finds the peak: one hot pixel weighs no more than a peak's worth
HALF_PX = 12  # of the window about the peak in which its centre of mass is taken
ROUNDS = 4  # of the window that follows the centre of mass


@dataclass(frozen=True)
class FrameValues:
    """Of one frame's ROI. counts above the background, background in counts of the whole ROI, maximum of a pixel;
    row_px, column_px centre of mass of the brightest peak, in pixels of the detector as it is stored, and its rms
    widths. NaN where nothing was counted."""

    counts: float
    background: float
    maximum: float
    row_px: float
    column_px: float
    row_width_px: float
    column_width_px: float


def reduced(frame: NDArray[np.generic], mask: BoolArray, roi: Roi | None = None) -> FrameValues:
    """frame, mask (n_rows, n_cols), mask True where no data; roi: the part that is looked at, by default all.

    Pixels of the mask count nothing, and the background that they would have had is not added. BadInput for a mask
    of another shape, or a ROI that leaves the frame or holds no data.
    """
    if frame.shape != mask.shape or frame.ndim != 2:
        raise BadInput(f"frame {frame.shape} and mask {mask.shape} differ; both are (rows, columns) of one detector")
    first_row, after_row, first_column, after_column = roi or (0, frame.shape[0], 0, frame.shape[1])
    if not (0 <= first_row < after_row <= frame.shape[0] and 0 <= first_column < after_column <= frame.shape[1]):
        raise BadInput(f"ROI {roi} leaves the frame of {frame.shape}; give first row, row after, first column, after")
    window = slice(first_row, after_row), slice(first_column, after_column)
    known = ~mask[window]
    values = np.where(known, frame[window], 0).astype(np.float64)
    if not known.any():
        raise BadInput(f"ROI {roi}: no pixel holds data there; choose another")
    level = background_level(values, known)
    row, column, width_row, width_column = peak_center(values, known, level)
    background = level * float(np.count_nonzero(known))
    return FrameValues(
        float(values.sum()) - background, background, float(values.max()),
        row + first_row, column + first_column, width_row, width_column,
    )  # fmt: skip


def background_level(values: NDArray[np.float64], known: BoolArray) -> float:
    """Mean counts of the pixels that no peak lights: those above b + 3 sqrt(b) + 1 are left out until none is new."""
    inside = values[known]
    level = float(inside.mean())
    for _ in range(20):
        kept = inside[inside <= level + CLIP_SIGMA * np.sqrt(level) + CLIP_COUNTS]
        new = float(kept.mean()) if kept.size else 0.0
        if new == level:
            break
        level = new
    return level


def peak_center(
    values: NDArray[np.float64], known: BoolArray, level: float, half_px: int = HALF_PX, seek_px: int = SEEK_PX
) -> tuple[float, float, float, float]:
    """Row, column of the centre of mass and rms widths, in a window that follows it from the brightest place.

    (I - level) weighs, known pixels alone. NaN where nothing rises above the level.
    """
    excess = np.where(known, values - level, 0.0)
    sums = uniform_filter(excess, seek_px, mode="constant")
    if not sums.max() > 0:
        return np.nan, np.nan, np.nan, np.nan
    row, column = (float(i) for i in np.unravel_index(int(np.argmax(sums)), sums.shape))
    found = (row, column, np.nan, np.nan)
    for _ in range(ROUNDS):
        moments = _moments(excess, row, column, half_px)
        if moments is None:
            break
        found = moments
        row, column = moments[:2]
    return found


def _moments(
    excess: NDArray[np.float64], row: float, column: float, half_px: int
) -> tuple[float, float, float, float] | None:
    rows = np.arange(max(round(row) - half_px, 0), min(round(row) + half_px + 1, excess.shape[0]))
    columns = np.arange(max(round(column) - half_px, 0), min(round(column) + half_px + 1, excess.shape[1]))
    part = excess[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    total = float(part.sum())
    if not total > 0:
        return None
    by_row, by_column = part.sum(axis=1) / total, part.sum(axis=0) / total
    at_row = float(np.clip(by_row @ rows, rows[0], rows[-1]))
    at_column = float(np.clip(by_column @ columns, columns[0], columns[-1]))
    wide_row, wide_column = by_row @ np.square(rows - at_row), by_column @ np.square(columns - at_column)
    return at_row, at_column, float(np.sqrt(max(wide_row, 0.0))), float(np.sqrt(max(wide_column, 0.0)))
