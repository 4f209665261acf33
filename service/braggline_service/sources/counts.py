"""Counts as a detector may hand them over: what is not a count becomes 'no data', or the scan is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.scan import BoolArray

MOST_BAD_PIXELS = 0.01  # of the pixels that are data; more than that is not a stray readout
MOST_DEAD_PIXELS = 0.25  # bad in every single frame: how detectors mark gaps and dead pixels
BAD_FRAME = 0.5  # of its pixels
SURE_COUNTS = 20.0  # a frame with neighbors of so many counts is not empty by chance: exp(-20)


@dataclass(frozen=True)
class CheckedCounts:
    """intensity as given, with 0 where it is no count; mask (n_rows, n_cols) and measured (n_frames,) say where."""

    intensity: NDArray[Any]
    mask: BoolArray
    measured: BoolArray
    flags: tuple[str, ...]


def checked_counts(
    where: str, intensity: NDArray[Any], mask: BoolArray, measured: BoolArray, saturation_counts: float
) -> CheckedCounts:
    """`intensity` (n_frames, n_rows, n_cols) made fit for use, in place. BadInput where it is beyond repair."""
    measured, mask, flags = measured.copy(), mask.copy(), []
    bad_per_pixel = np.zeros(mask.shape, np.int64)
    saturated_per_pixel = np.zeros(mask.shape, np.int64)
    totals = np.zeros(len(intensity))
    live = ~mask
    bad_frames = []
    for i in np.flatnonzero(measured):
        bad = _not_counts(intensity[i])
        if np.count_nonzero(bad & live) > BAD_FRAME * np.count_nonzero(live):
            measured[i] = False
            intensity[i] = 0
            bad_frames.append(int(i))
            continue
        bad_per_pixel += bad
        intensity[i][bad] = 0
        saturated_per_pixel += intensity[i] >= saturation_counts
        totals[i] = intensity[i][live].sum(dtype=np.float64)
    if not measured.any():
        raise BadInput(f"{where}: every frame is NaN or negative; check the detector's file")
    if bad_frames:
        flags.append(f"frame(s) {_listed(bad_frames)} are NaN or negative: left out")
    mask, masked = _masked(where, bad_per_pixel, mask, int(measured.sum()))
    if totals[measured].sum() == 0:
        raise BadInput(f"{where}: every frame is empty (all zeros); check shutter, detector and the file of the frames")
    empty = _empty(totals, measured)
    if len(empty):
        measured[empty] = False
        flags.append(f"frame(s) {_listed(empty.tolist())} are empty between bright ones: left out")
    saturated = saturated_per_pixel[~mask]
    if saturated.any():
        flags.append(
            f"saturated: {int(saturated.sum())} voxels in {np.count_nonzero(saturated)} pixels at or above "
            f"{saturation_counts:g} counts; count for a shorter time or add a filter"
        )
    return CheckedCounts(intensity, mask, measured, (*masked, *flags))


def _not_counts(frame: NDArray[Any]) -> BoolArray:
    """NaN, infinite, negative, or the largest uint32, with which Eigers mark a pixel that does not count."""
    if frame.dtype.kind == "f":
        return np.asarray(~(np.isfinite(frame) & (frame >= 0)))
    if frame.dtype.kind == "i":
        return np.asarray(frame < 0)
    if frame.dtype.itemsize >= 4:
        return np.asarray(frame == np.iinfo(frame.dtype).max)
    return np.zeros(frame.shape, bool)


def _masked(where: str, bad: NDArray[np.int64], mask: BoolArray, n: int) -> tuple[BoolArray, list[str]]:
    """The mask with the pixels that were bad; a pixel that failed once is not trusted in the other frames."""
    dead, stray = (bad == n) & ~mask, (bad > 0) & (bad < n) & ~mask
    live = np.count_nonzero(~mask)
    for pixels, most in ((dead, MOST_DEAD_PIXELS), (stray, MOST_BAD_PIXELS)):
        if np.count_nonzero(pixels) > most * live:
            raise BadInput(
                f"{where}: {np.count_nonzero(pixels) / live:.1%} of the pixels are NaN or negative, at most {most:.0%} "
                "can be masked; check the detector's file"
            )
    n_stray = np.count_nonzero(stray)
    return mask | dead | stray, [f"{n_stray} pixel(s) are NaN or negative in some frames: masked"] if n_stray else []


def _empty(totals: NDArray[np.float64], measured: BoolArray) -> NDArray[np.intp]:
    """Frames of no counts at all whose nearest frames that are not empty are bright on both sides."""
    full = np.flatnonzero(measured & (totals > 0))
    zero = np.flatnonzero(measured & (totals == 0))
    after = np.searchsorted(full, zero)
    inside = (after > 0) & (after < len(full))
    zero, after = zero[inside], after[inside]
    neighbors = np.minimum(totals[full[after]], totals[full[after - 1]])
    return np.asarray(zero[neighbors > SURE_COUNTS])


def _listed(frames: list[int]) -> str:
    shown = ", ".join(map(str, frames[:8]))
    return f"{shown}, ..." if len(frames) > 8 else shown
