"""Pixels that count by themselves."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import rank_filter

from braggline_models.scan import BoolArray, FloatArray, RockingCurve

LONE_RATIO = 10.0  # a pixel this much brighter than the brightest around it, on average over the scan
CLUSTER = 3  # so many hot pixels beside each other are still told from a Bragg peak
LONE_SIGMA = 8.0  # and by this many standard deviations of counting noise
MIN_FRAMES = 3  # below that, time says nothing


def hot_pixels(curve: RockingCurve) -> BoolArray:
    """sum over frames > LONE_RATIO b and > b + LONE_SIGMA sqrt(b + n), b the 4th brightest of the 5 x 5 pixels around.

    Oversampling by 2 or more spreads a Bragg peak: its four nearest neighbors hold at least 0.4 of it (sinc^2(1/2)),
    so b is of the same size there. A hot pixel, or up to CLUSTER of them, stand alone. Pixels of `curve.mask` are
    left out.

    Returns (n_rows, n_cols) bool, True where hot.
    """
    n = int(np.count_nonzero(curve.measured))
    if n < MIN_FRAMES:
        return np.zeros_like(curve.mask)
    total = masked_sum(curve)
    around = rank_filter(total, rank=-1 - CLUSTER, size=5, mode="constant")
    limit = np.maximum(LONE_RATIO * around, around + LONE_SIGMA * np.sqrt(around + n))
    return (total > limit) & ~curve.mask


def masked_sum(curve: RockingCurve) -> FloatArray:
    """Sum over the measured frames, 0 where masked: (n_rows, n_cols) float32."""
    total = np.zeros(curve.mask.shape, np.float64)
    for index in np.flatnonzero(curve.measured):
        total += curve.intensity[index]
    total[curve.mask] = 0.0
    return total.astype(np.float32)
