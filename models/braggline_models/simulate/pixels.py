"""Pixels that count what no photon brought, or nothing, or not all: hot, dead, in a gap, saturated, hit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.scan import BoolArray
from braggline_models.simulate.flaws import DetectorFlaws, Spans

TRACK_PX = 3  # a zinger is a pixel or a short track of charge


@dataclass(frozen=True)
class Spoilt:
    """As in Seen."""

    gap: BoolArray
    hot: BoolArray
    dead: BoolArray
    zinger: BoolArray
    saturated: BoolArray


def spoil(
    counts: NDArray[np.uint32], flaws: DetectorFlaws, rng: np.random.Generator, gap: BoolArray | None = None
) -> Spoilt:
    """Hot pixels, zingers, saturation, dead pixels and gaps put into `counts`, in place. gap: of the true detector."""
    n, *size = counts.shape
    gap = gap_mask(tuple(size), flaws.gap_rows, flaws.gap_columns) | (False if gap is None else gap)
    free = np.flatnonzero(~gap)
    if flaws.hot_pixels + flaws.dead_pixels > len(free):
        raise BadInput(f"{flaws.hot_pixels} hot and {flaws.dead_pixels} dead of {len(free)} pixels: too many")
    chosen = rng.choice(free, flaws.hot_pixels + flaws.dead_pixels, replace=False)
    hot, dead = np.zeros(gap.shape, bool), np.zeros(gap.shape, bool)
    hot.flat[chosen[: flaws.hot_pixels]] = True
    dead.flat[chosen[flaws.hot_pixels :]] = True
    low, high = np.log(flaws.hot_counts)
    rates = np.exp(rng.uniform(low, high, flaws.hot_pixels))
    counts[:, hot] += rng.poisson(rates, (n, flaws.hot_pixels)).astype(np.uint32)
    zinger = _zingers(counts, flaws, rng)
    saturated = np.zeros(counts.shape, bool)
    if np.isfinite(flaws.saturation):
        saturated = counts >= flaws.saturation
        np.minimum(counts, np.uint32(flaws.saturation), out=counts)
    lost = gap | dead
    for volume in (counts, zinger, saturated):
        volume[:, lost] = 0
    return Spoilt(gap, hot, dead, zinger, saturated)


def gap_mask(shape: tuple[int, ...], rows: Spans, columns: Spans) -> BoolArray:
    """True in the gaps: (n_rows, n_cols)."""
    mask = np.zeros(shape, bool)
    for first, after in rows:
        mask[first:after] = True
    for first, after in columns:
        mask[:, first:after] = True
    return mask


def _zingers(counts: NDArray[np.uint32], flaws: DetectorFlaws, rng: np.random.Generator) -> BoolArray:
    """One pixel, or a track of up to TRACK_PX, of one frame."""
    n, rows, columns = counts.shape
    mask = np.zeros(counts.shape, bool)
    for frame in np.repeat(np.arange(n), rng.poisson(flaws.zingers_per_frame, n)):
        value = np.exp(rng.uniform(*np.log(flaws.zinger_counts)))
        row, column = int(rng.integers(rows)), int(rng.integers(columns))
        down, right = rng.integers(-1, 2, 2)
        for step in range(int(rng.integers(1, TRACK_PX + 1))):
            at = (frame, (row + step * down) % rows, (column + step * right) % columns)
            counts[at] += np.uint32(max(value * 0.5**step, 1.0))
            mask[at] = True
    return mask
