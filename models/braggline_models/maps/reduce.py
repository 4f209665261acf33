"""One frame in a few numbers: what is in the peak, where it is, how wide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
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
    """Of one frame's ROI. counts above the background, and those of them in the window about the brightest peak;
    background in counts of the whole ROI, maximum of a pixel; row_px, column_px centre of mass of the brightest peak,
    in pixels of the detector as it is stored, and its rms widths. NaN where nothing was counted."""

    counts: float
    peak_counts: float
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
    row, column, width_row, width_column, in_peak = peak_center(values, known, level)
    background = level * float(np.count_nonzero(known))
    return FrameValues(
        float(values.sum()) - background, in_peak, background, float(values.max()),
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
) -> tuple[float, float, float, float, float]:
    """Row, column of the centre of mass, rms widths and counts, in a window that follows it from the brightest place.

    (I - level) weighs, known pixels alone. NaN and no counts where nothing rises above the level.
    """
    excess = np.where(known, values - level, 0.0)
    sums = uniform_filter(excess, seek_px, mode="constant")
    if not sums.max() > 0:
        return np.nan, np.nan, np.nan, np.nan, 0.0
    row, column = (float(i) for i in np.unravel_index(int(np.argmax(sums)), sums.shape))
    found: tuple[float, float, float, float, float] = _followed(excess, row, column, half_px, ROUNDS)
    return found


@njit(cache=True, nogil=True)
def _followed(excess, row, column, half_px, rounds):  # type: ignore[no-untyped-def]
    """Moments in the window about (row, column), which then moves to their mean; the last that there were."""
    found = (row, column, np.nan, np.nan, 0.0)
    for _ in range(rounds):
        first_row, after_row = max(round(row) - half_px, 0), min(round(row) + half_px + 1, excess.shape[0])
        first, after = max(round(column) - half_px, 0), min(round(column) + half_px + 1, excess.shape[1])
        total = by_row = by_column = square_row = square_column = 0.0
        for i in range(first_row, after_row):
            for j in range(first, after):
                weight = excess[i, j]
                total += weight
                by_row += weight * (i - row)
                by_column += weight * (j - column)
                square_row += weight * (i - row) ** 2
                square_column += weight * (j - column) ** 2
        if not total > 0:
            break
        off_row, off_column = by_row / total, by_column / total
        at_row = min(max(row + off_row, float(first_row)), float(after_row - 1))
        at_column = min(max(column + off_column, float(first)), float(after - 1))
        wide_row = np.sqrt(max(square_row / total - off_row**2, 0.0))
        wide_column = np.sqrt(max(square_column / total - off_column**2, 0.0))
        row, column = at_row, at_column
        found = (row, column, wide_row, wide_column, total)
    return found
