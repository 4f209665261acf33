"""Counts of one frame and one pixel, or few, that no diffraction makes: cosmic rays, sparks of the electronics."""

from __future__ import annotations

import numpy as np
from numba import njit

from braggline_models.preprocess.options import PrepareOptions
from braggline_models.preprocess.scene import Finding, Scene

RATIO = 10.0  # over the 4th brightest of the 5 x 5 pixels around, and over the same pixel one frame before and after
CLUSTER = 3  # so many voxels of one frame go together
SIGMA = 8.0  # standard deviations of counting noise
MIN_KNOWN = 12  # of the 24 pixels around: fewer do not tell


def find_zingers(scene: Scene, options: PrepareOptions) -> Finding:
    """I > RATIO b, > b + SIGMA sqrt(b + 1) in space and time at once. The step `zingers`.

    In space b is the 4th brightest of the 24 pixels around in the frame, in time the brighter of the same pixel one
    frame before and after. Oversampling by 2 keeps every neighbor of a true speckle above a tenth of it; the chance of
    a Poisson count as high as SIGMA sqrt(1) from a mean below 0.3 is 1e-11.
    """
    curve = scene.curve
    rows, columns = np.nonzero((scene.survey.highest > SIGMA) & ~scene.bad)
    frames = np.flatnonzero(curve.measured)
    found = []
    for place, index in enumerate(frames):
        beside = [k for k in frames[max(place - 1, 0) : place + 2] if abs(k - index) == 1]
        if not beside or not len(rows):
            continue
        frame = np.ascontiguousarray(curve.intensity[index])
        before, after = (np.ascontiguousarray(curve.intensity[k]) for k in (beside[0], beside[-1]))
        hits = _spikes(frame, before, after, scene.bad, rows, columns)
        found.append(int(index) * frame.size + rows[hits] * frame.shape[1] + columns[hits])
    return Finding(voxels=np.concatenate(found).astype(np.int64) if found else None)


@njit(cache=True, nogil=True)
def _spikes(frame, before, after, bad, rows, columns):  # type: ignore[no-untyped-def]
    hits = np.zeros(len(rows), np.bool_)
    for k in range(len(rows)):
        i, j = rows[k], columns[k]
        value = float(frame[i, j])
        beside = max(float(before[i, j]), float(after[i, j]))
        if value <= SIGMA or value <= RATIO * beside or value <= beside + SIGMA * np.sqrt(beside + 1.0):
            continue
        hits[k] = _alone(frame, bad, i, j, value)
    return hits


@njit(cache=True, nogil=True)
def _alone(frame, bad, i, j, value):  # type: ignore[no-untyped-def]
    """True where at most CLUSTER - 1 of the pixels around come near, and enough of them are known."""
    near, known = 0, 0
    for a in range(max(i - 2, 0), min(i + 3, frame.shape[0])):
        for b in range(max(j - 2, 0), min(j + 3, frame.shape[1])):
            if (a == i and b == j) or bad[a, b]:
                continue
            known += 1
            around = float(frame[a, b])
            if value <= RATIO * around or value <= around + SIGMA * np.sqrt(around + 1.0):
                near += 1
                if near >= CLUSTER:
                    return False
    return known >= MIN_KNOWN
