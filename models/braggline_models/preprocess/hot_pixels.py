"""Pixels that count by themselves."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from braggline_models.scan import BoolArray, FloatArray, RockingCurve

LONE_RATIO = 10.0  # a pixel this much brighter than its neighbourhood's median, on average over the scan
LONE_SIGMA = 8.0  # and by this many standard deviations of counting noise
MIN_FRAMES = 3  # below that, time says nothing


def hot_pixels(curve: RockingCurve) -> BoolArray:
    """mean over frames > max(LONE_RATIO x, median of the 5 x 5 pixels around + LONE_SIGMA x its Poisson error).

    A Bragg peak is spread over several pixels by oversampling and a hot pixel is not, so a lone bright pixel is
    hot whatever its time course. Pixels of `curve.mask` are left out.

    Returns (n_rows, n_cols) bool, True where hot.
    """
    n = int(np.count_nonzero(curve.measured))
    if n < MIN_FRAMES:
        return np.zeros_like(curve.mask)
    total = masked_sum(curve)
    around = median_filter(total, size=5, mode="nearest")
    limit = np.maximum(LONE_RATIO * around, around + LONE_SIGMA * np.sqrt(around + n))
    return (total > limit) & ~curve.mask


def masked_sum(curve: RockingCurve) -> FloatArray:
    """Sum over the measured frames, 0 where masked: (n_rows, n_cols) float32."""
    total = np.zeros(curve.mask.shape, np.float64)
    for index in np.flatnonzero(curve.measured):
        total += curve.intensity[index]
    total[curve.mask] = 0.0
    return total.astype(np.float32)
