"""Pixels that do not count."""

from __future__ import annotations

import numpy as np
from numba import njit

from braggline_models.preprocess.options import PrepareOptions
from braggline_models.preprocess.scene import Finding, Scene
from braggline_models.scan import BoolArray, RockingCurve

MIN_FRAMES = 10  # a fringe's minimum may stay on one pixel for a few frames, not for so many
LIT_COUNTS = 200.0  # over the scan, of the pixels around: exp(-200) is no chance, and 0 of 200 no fringe's minimum
NOT_LIT = 2  # so many pixels around may be dim too: dead pixels come in clusters of up to 3
STUCK_COUNTS = 3.0  # the same count in 10 frames is by chance 3e-7 at a mean of 3, and less above


def find_dead(scene: Scene, options: PrepareOptions) -> Finding:
    """No count in any of n >= MIN_FRAMES frames, though all but NOT_LIT of the 8 pixels around have LIT_COUNTS or more;
    or the very same count, at least STUCK_COUNTS, in every frame. The step `dead`."""
    return Finding(pixels=dead_pixels(scene.curve, scene))


def dead_pixels(curve: RockingCurve, scene: Scene) -> BoolArray:
    """(n_rows, n_cols) bool, True where dead or stuck; pixels of `scene.bad` are left out."""
    survey = scene.survey
    if survey.n < MIN_FRAMES:
        return np.zeros_like(scene.bad)
    stuck = (survey.lowest == survey.highest) & (survey.lowest >= STUCK_COUNTS)
    dead = np.zeros_like(scene.bad)
    _mark_dead(survey.total, scene.bad, dead)
    return np.asarray((stuck | dead) & ~scene.bad)


@njit(cache=True, nogil=True)
def _mark_dead(total, bad, dead):  # type: ignore[no-untyped-def]
    n_rows, n_columns = total.shape
    for i in range(n_rows):
        for j in range(n_columns):
            if total[i, j] != 0.0 or bad[i, j]:
                continue
            dim, lit = 0, 0
            for a in range(max(i - 1, 0), min(i + 2, n_rows)):
                for b in range(max(j - 1, 0), min(j + 2, n_columns)):
                    if (a == i and b == j) or bad[a, b]:
                        continue
                    if total[a, b] >= LIT_COUNTS:
                        lit += 1
                    else:
                        dim += 1
                if dim > NOT_LIT:
                    break
            dead[i, j] = dim <= NOT_LIT and lit >= 3
