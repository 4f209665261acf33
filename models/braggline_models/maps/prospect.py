"""Will the rocking curve of a crystal phase? Six numbers of how a map shows it, weighed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_COUNTS = 20.0  # at a point, for the place of its peak to mean anything
# fitted by `linear_arm` of learned/ranking.py to every third crystal of its table; it beats the network there
MEAN = np.array([9.8935, 0.289788, 1.34769, 4.79238, 5.0023, 4.36296])
WEIGHTS = np.array([0.178277, 0.0185118, -0.813057, -0.287034, 0.195409, -0.0565429])
CONSTANT = -1.29938


def prospect(patch: NDArray[np.float64], frame: NDArray[np.float64]) -> float:
    """1 / (1 + exp(-w.(x - mean) - c)), x the `numbers` of patch and frame: the odds that phasing succeeds, 0..1."""
    return float(1.0 / (1.0 + np.exp(-((numbers(patch, frame) - MEAN) @ WEIGHTS + CONSTANT))))


def numbers(patch: NDArray[np.float64], frame: NDArray[np.float64]) -> NDArray[np.float64]:
    """(6,) by which a person would judge: log counts, share of the brightest point, rms wander of the peak, rms width
    of the frame's peak, log counts of its brightest pixel, log of the effective number of lit pixels.

    patch (4, n, n) as `patch` gives it: counts, row and column of the peak, known;  frame (m, m) about the peak of the
    brightest point.
    """
    counts, row, column, _ = patch
    weights = np.where(counts > LEAST_COUNTS, counts, 0.0)
    total = max(float(weights.sum()), 1.0)
    wander = sum(float((weights * np.square(x - (weights * x).sum() / total)).sum()) / total for x in (row, column))
    steps = np.arange(len(frame)) - len(frame) // 2
    lit = max(float(frame.sum()), 1.0)
    wide = float((frame * (np.square(steps)[:, None] + np.square(steps))).sum()) / lit
    effective = lit**2 / max(float(np.square(frame).sum()), 1.0)
    return np.array([
        np.log(max(float(counts.sum()), 1.0)), float(counts.max()) / max(float(counts.sum()), 1.0), np.sqrt(wander),
        np.sqrt(wide), np.log1p(float(frame.max())), np.log(effective),
    ])  # fmt: skip
