"""The flat background of a detector, and the counts that it explains."""

from __future__ import annotations

import numpy as np
from scipy.stats import poisson

from braggline_models.preprocess.options import Background
from braggline_models.preprocess.scene import Scene

QUIET_SHARE = 0.5  # of the pixels away from the window see background only, or less
FEWEST_PIXELS = 400  # away from the window; fewer: the window's own
CHANCE = 1e-3  # of a background voxel to stay
FAINTEST = 1e-4  # counts a voxel: below, the background is none


def background_level(scene: Scene, start_px: tuple[int, int], sides_px: tuple[int, int]) -> float:
    """b = mean counts a voxel of the QUIET_SHARE of the pixels that count least, as if they were all.

    Pixels outside the window, which begins at row and column `start_px`: within it the crystal's own diffraction lies
    everywhere. Sums over the n frames, since a single voxel holds 0 or 1. The mean of the dimmer half of a Poisson sum
    n b lies 0.8 sqrt(n b) below n b: corrected for.
    """
    n = scene.survey.n
    far = ~scene.bad
    far[start_px[0] : start_px[0] + sides_px[0], start_px[1] : start_px[1] + sides_px[1]] = False
    if np.count_nonzero(far) < FEWEST_PIXELS:
        far = ~scene.bad
    counts = scene.image[far]
    if counts.size == 0 or n == 0:
        return 0.0
    quiet = int(QUIET_SHARE * counts.size)
    total = float(np.partition(counts, quiet)[: max(quiet, 1)].mean(dtype=np.float64))
    few = total < 1.0  # sums of 0 and 1: their dimmer half is empty, their mean is not
    return (float(np.minimum(counts, 3).mean()) if few else (np.sqrt(total + 0.16) + 0.4) ** 2) / n


def background_threshold(level: float, background: Background) -> float:
    """`background` itself; for auto the least k with P(N > k) < CHANCE, N a Poisson count of the flat `level`.

    0 where there is no background to speak of.
    """
    if background != "auto":
        return float(background)
    return float(poisson.isf(CHANCE, level)) if level > FAINTEST else 0.0
