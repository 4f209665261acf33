"""Where the direct beam is on each frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from braggline_models.scan import BoolArray, FloatArray

SMOOTHED_px = 5  # a spot is brighter than its surroundings over so many pixels; a hot pixel is not
HALF_WINDOW_px = 25
NEAR = 3.0  # deviations of the spot: nearer to a gap or an edge its center would be drawn
FAINTEST = 0.1  # of the usual counts: less is no direct beam
FEWEST_COUNTS = 100.0  # the center of fewer is not known to a tenth of its width


@dataclass(frozen=True)
class Spots:
    """row_px, column_px (n,) centers of mass; lost (n,) why a frame has none to be used, '' where it has."""

    row_px: FloatArray
    column_px: FloatArray
    lost: tuple[str, ...]

    @property
    def found(self) -> BoolArray:
        return np.array([not why for why in self.lost], bool)


def direct_beam_spots(intensity: NDArray[np.generic], mask: BoolArray, measured: BoolArray) -> Spots:
    """Center of mass of the counts above the background in a window of 51 pixels about the brightest place.

    intensity (n, n_rows, n_cols) counts; mask (n_rows, n_cols) True: no data; measured (n,). A frame is lost where it
    was not measured, where the spot has less than a tenth of the median frame's counts, and where a gap or an edge is
    within three deviations of its center.
    """
    n = len(intensity)
    centers, widths, counts = np.full((n, 2), np.nan), np.full(n, np.nan), np.zeros(n)
    for i in np.flatnonzero(measured).tolist():
        centers[i], widths[i], counts[i] = _spot(np.where(mask, 0.0, np.asarray(intensity[i], np.float64)), mask)
    usual = float(np.median(counts[counts > 0])) if np.any(counts > 0) else 0.0
    sure = counts >= max(FAINTEST * usual, FEWEST_COUNTS)
    width = float(np.median(widths[sure])) if sure.any() else 0.0
    lost = []
    for i in range(n):
        if not measured[i]:
            lost.append("not measured")
        elif not sure[i]:
            lost.append("no beam")
        else:
            lost.append("in a gap or at an edge" if _touches(mask, centers[i], NEAR * width) else "")
    return Spots(centers[:, 0], centers[:, 1], tuple(lost))


def _spot(image: NDArray[np.float64], mask: BoolArray) -> tuple[NDArray[np.float64], float, float]:
    """Center (row, column), deviation in px and counts of the brightest spot."""
    smooth = uniform_filter(image, SMOOTHED_px, mode="constant")
    center = np.array(np.unravel_index(int(np.argmax(smooth)), smooth.shape), np.float64)
    width, total = np.nan, 0.0
    for _ in range(2):  # the second window lies about the center itself
        first = np.maximum(np.round(center).astype(int) - HALF_WINDOW_px, 0)
        box = tuple(slice(a, a + 2 * HALF_WINDOW_px + 1) for a in first)
        part = image[box]
        background = float(np.median(part[~mask[box]])) if np.any(~mask[box]) else 0.0
        signal = np.clip(part - background - 3.0 * np.sqrt(background), 0.0, None)
        total = float(signal.sum())
        if total <= 0.0:
            return np.array([np.nan, np.nan]), np.nan, 0.0
        rows, columns = np.indices(part.shape)
        inside = np.array([np.sum(rows * signal), np.sum(columns * signal)]) / total
        spread = np.sum(((rows - inside[0]) ** 2 + (columns - inside[1]) ** 2) * signal) / (2.0 * total)
        center, width = first + inside, float(np.sqrt(spread))
    return center, width, total


def _touches(mask: BoolArray, center: NDArray[np.float64], reach_px: float) -> bool:
    """True where a pixel without data, or the outside, is within `reach_px` of `center` along rows and columns."""
    low = np.floor(center - reach_px).astype(int)
    high = np.ceil(center + reach_px).astype(int) + 1
    if np.any(low < 0) or np.any(high > mask.shape):
        return True
    return bool(mask[low[0] : high[0], low[1] : high[1]].any())
