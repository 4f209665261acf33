"""What of a pattern has no counterpart on the other side of its Bragg peak."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, find_objects, label, maximum_filter, uniform_filter

from braggline_models.scan import BoolArray

Center = tuple[float, float, float]
SMOOTH = 3  # cells: wider than a fringe, whose place depends on the strain
TOLERANCE = 5  # cells: the counterpart is looked for in a box of this side
CORE_SHARE = 0.01  # of the maximum: what is connected to it and above is the Bragg peak itself
LEAST_KNOWN = 0.3  # share of a box that is measured
NOISE_COUNTS = 8.0  # added to the counterpart: few counts prove nothing
SEED_RATIO, GROW_RATIO = 4.0, 2.0  # over the counterpart: at its brightest, and at its rim
PROMINENCE = 2.0  # of its top over the brightest cell of the shell around it
SHELL = 2  # cells
CUBE = np.ones((3, 3, 3), bool)


def smoothed(counts: NDArray[np.float32], known: NDArray[np.float32]) -> NDArray[np.float32]:
    """Counts in the box of SMOOTH cells around each, as if all were measured; 0 where too little is."""
    share = uniform_filter(known, SMOOTH, mode="constant")
    total = uniform_filter(counts, SMOOTH, mode="constant") * np.float32(SMOOTH**3)
    enough = share > LEAST_KNOWN
    return np.where(enough, total / np.maximum(share, np.float32(LEAST_KNOWN)), np.float32(0.0))


def core_center(smooth: NDArray[np.float32], near: tuple[int, int, int]) -> Center:
    """Centre of mass of what is connected to the cell `near` above CORE_SHARE of it."""
    parts, _ = label(smooth > CORE_SHARE * smooth[near], CUBE)
    core = np.where(parts == parts[near], smooth, 0.0)
    total = core.sum(dtype=np.float64)
    sums = (core.sum(axis=tuple(k for k in range(3) if k != axis), dtype=np.float64) for axis in range(3))
    frame, row, column = (float(s @ np.arange(len(s)) / total) for s in sums)
    return frame, row, column


def asymmetry(smooth: NDArray[np.float32], known: NDArray[np.float32], center: Center) -> NDArray[np.float32]:
    """s(q) / (max of s near -q + NOISE_COUNTS), q from `center`; 0 where either side is not measured.

    |F(q)|^2 of a real density is the same at q and -q whatever its shape; strain breaks that, at a phase range of 8 rad
    by a factor of 8 at most (216 simulated crystals), where an alien has nothing on the other side.
    """
    opposite = _mirrored(maximum_filter(smooth, TOLERANCE), center)
    measured = _mirrored(uniform_filter(known, TOLERANCE, mode="constant"), center) > 0.5
    measured &= uniform_filter(known, SMOOTH, mode="constant") > LEAST_KNOWN
    return np.where(measured, smooth / (opposite + np.float32(NOISE_COUNTS)), np.float32(0.0))


def lone_bumps(
    smooth: NDArray[np.float32], ratio: NDArray[np.float32]
) -> Iterator[tuple[tuple[slice, ...], BoolArray]]:
    """Connected regions above GROW_RATIO that reach SEED_RATIO and stand out of the shell around them by PROMINENCE.

    The last is what tells an alien from strain: a strained pattern is lopsided on the slope of its own Bragg peak,
    where the shell is brighter (at most 0.6, phase ranges to 12 rad). Yields a box and the region in it, a cell wider.
    """
    parts, _ = label(ratio > GROW_RATIO, CUBE)
    for index, box in enumerate(find_objects(parts), start=1):
        if ratio[box].max() < SEED_RATIO:
            continue
        wide = tuple(slice(max(s.start - SHELL, 0), s.stop + SHELL) for s in box)
        region = parts[wide] == index
        if not (region & (ratio[wide] > SEED_RATIO)).any():
            continue
        shell = binary_dilation(region, CUBE, SHELL) & ~region
        outside = float(smooth[wide][shell].max(initial=0.0))
        if float(smooth[wide][region].max()) > PROMINENCE * max(outside, NOISE_COUNTS):
            yield wide, binary_dilation(region, CUBE)


def _mirrored(values: NDArray[np.float32], center: Center) -> NDArray[np.float32]:
    """values(2 center - index), rounded; 0 outside."""
    index = [np.rint(2 * c - np.arange(n)).astype(int) for c, n in zip(center, values.shape, strict=True)]
    inside = [(i >= 0) & (i < n) for i, n in zip(index, values.shape, strict=True)]
    taken = values[np.ix_(*(np.clip(i, 0, n - 1) for i, n in zip(index, values.shape, strict=True)))]
    taken *= inside[0][:, None, None] & inside[1][:, None] & inside[2]
    return taken
