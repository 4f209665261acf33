"""What the network sees of a window of counts, and by what unfamiliar data are told."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from braggline_models.preprocess.symmetry import SMOOTH, smoothed
from braggline_models.scan import BoolArray

CHANNELS = 7
SCALE = 2.0  # of log(1 + I): what the network sees is of order one
DARK_SHARE = 0.25  # of the frames: there a hot pixel is alone that the Bragg peak outshines in the others
TOLERANCE = 7  # voxels: the counterpart of a fringe is looked for in a box of this side
MIDDLE = 32  # voxels about the center by which data are known
Center = tuple[int, int, int]


def inputs_of(counts: NDArray[np.floating], known: BoolArray, center: Center) -> torch.Tensor:
    """(1, CHANNELS, n_f, n_r, n_c) float32: log(1 + I), known, both at -q, log(1 + I) of the darkest frames' mean, of
    the mean over a few voxels, and of the brightest such mean about -q.

    counts (n_f, n_r, n_c);  known True where data;  center: index of the Bragg peak, about which -q is meant.
    The pattern of a crystal of moderate strain is nearly the same at q and -q: what has no partner is suspect, and
    what a gap hides is shown there.
    """
    bright = np.where(known, np.log1p(np.maximum(counts, 0.0)) / SCALE, 0.0).astype(np.float32)
    seen = known.astype(np.float32)
    smooth = smoothed(np.where(known, np.maximum(counts, 0.0), 0.0).astype(np.float32), seen) / np.float32(SMOOTH**3)
    mean = np.log1p(smooth) / np.float32(SCALE)
    channels = [bright, seen, mirrored(bright, center), mirrored(seen, center), _dark(counts, known)]
    channels += [mean, mirrored(maximum_filter(mean, TOLERANCE), center)]
    return torch.from_numpy(np.stack(channels)[None])


def mirrored(values: NDArray[np.float32], center: Center) -> NDArray[np.float32]:
    """values(2 center - index), 0 outside."""
    result = np.zeros_like(values)
    into, out = [], []
    for c, n in zip(center, values.shape, strict=True):
        first, last = max(0, 2 * c - n + 1), min(n - 1, 2 * c)
        into.append(slice(first, last + 1))
        out.append(slice(2 * c - last, 2 * c - first + 1))
    result[tuple(into)] = values[tuple(out)][::-1, ::-1, ::-1]
    return result


def _dark(counts: NDArray[np.floating], known: BoolArray) -> NDArray[np.float32]:
    """log(1 + mean) of each pixel over the DARK_SHARE of the frames that count least, the same in every frame."""
    good = np.where(known, counts, 0.0)
    lit = known.any(axis=(1, 2))
    frames = np.flatnonzero(lit)
    darkest = frames[np.argsort(good[frames].sum(axis=(1, 2)), kind="stable")[: max(1, int(DARK_SHARE * len(frames)))]]
    number = np.maximum(known[darkest].sum(axis=0), 1)
    mean = np.log1p(good[darkest].sum(axis=0) / number) / SCALE
    return np.broadcast_to(mean.astype(np.float32), counts.shape)


def features_of(inputs: torch.Tensor) -> NDArray[np.float64]:
    """(n, 8) of the MIDDLE^3 voxels: level, spread and maximum of log(1 + I), share that counts, share known,
    correlation with the mirror image, with the next voxel and with the next but one: how fine the fringes are."""
    rows = []
    for x in inputs[:, :4].numpy():
        middle = tuple(slice(max(n // 2 - MIDDLE // 2, 0), n // 2 + MIDDLE // 2) for n in x.shape[1:])
        bright, seen, opposite, there = (channel[middle] for channel in x)
        good = seen > 0
        values = bright[good] if good.any() else np.zeros(1, np.float32)
        row = [values.mean(), values.std(), values.max(), (values > 0).mean(), good.mean()]
        row += [_correlation(bright, opposite, good & (there > 0))]
        row += [_beside(bright, good, step) for step in (1, 2)]
        rows.append(row)
    return np.array(rows, np.float64)


def _beside(bright: NDArray[np.float32], good: BoolArray, step: int) -> float:
    """Mean over the axes of the correlation with the voxel `step` on."""
    pairs = [(_shifted(bright, a, step), _shifted(good, a, step)) for a in range(3)]
    return float(np.mean([_correlation(x, y, g & h) for (x, y), (g, h) in pairs]))


def _shifted(values: NDArray[np.generic], axis: int, step: int) -> tuple[NDArray, NDArray]:  # type: ignore[type-arg]
    return np.delete(values, np.s_[-step:], axis), np.delete(values, np.s_[:step], axis)


def _correlation(x: NDArray[np.float32], y: NDArray[np.float32], where: BoolArray) -> float:
    a, b = x[where], y[where]
    if a.size < 2 or a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
