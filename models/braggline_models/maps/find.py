"""Crystals in a map: maxima that rise out of their surroundings and do not flow into a higher one.

The counts of each frame's brightest peak are smoothed over neighbouring points, and the significance of each is tested
against the noise of the empty substrate. Then the map is flooded from its highest point down: each new maximum founds
a basin, and where two basins meet the lower of them is a crystal of its own only if it stands high enough above the
saddle (topological persistence: Edelsbrunner, Letscher, Zomorodian, Discrete Comput. Geom. 28, 511 (2002)). All of it
needs neighbours only: points may be on any grid or none, and come in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from braggline_models.maps.candidates import Candidate
from braggline_models.maps.crystal_map import CrystalMap

Array = NDArray[np.float64]

SIGNIFICANT = 6.0  # standard deviations of the empty substrate, whose counts stray farther up than down
BESIDE = 1.6  # steps: the eight around a point of a grid
SMOOTH = 0.6  # steps, sigma of the weights; narrower than a beam that is scanned without holes
STANDS_OUT = 0.2  # of its height: what a peak must rise above the saddle to be a crystal of its own
STANDS_OUT_SIGMA = 4.0  # and of its own noise
COVERED = 0.1  # of the highest excess: what counts as covered
LEAST_COUNTS = 30.0  # of a crystal over all its points: with fewer, nothing that is said of it would be known
FEWEST = 9  # points: fewer tell nothing of what is around
FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))
ALL_SIDES_DEG = 170.0  # a larger angle without a neighbour is an edge


def find_crystals(map_: CrystalMap, significant: float = SIGNIFICANT) -> tuple[Candidate, ...]:
    """The crystals of what has been measured so far, by counts; none in a map of fewer than FEWEST points."""
    known = np.flatnonzero(map_.measured & np.isfinite(map_.peak_counts))
    if len(known) < FEWEST:
        return ()
    places = map_.positions_m[known] / np.array(map_.step_m)
    counts = map_.peak_counts[known]
    near = _neighbours(places)
    level, noise = substrate(counts)
    variance = np.square(noise) + np.maximum(counts - level, 0.0)
    smooth, spread, empty = _smoothed(places, near, counts - level, variance, noise)
    basins = _basins(smooth, near, smooth / empty > significant, spread)
    found = [
        _candidate(map_, known, places, near, members, counts - level, float(smooth[peak] / empty[peak]))
        for peak, members in basins.items()
    ]
    ordered = sorted((c for c in found if c.counts > LEAST_COUNTS), key=lambda c: -c.counts)
    return tuple(replace(candidate, number=k + 1) for k, candidate in enumerate(ordered))


def substrate(counts: Array) -> tuple[float, float]:
    """Level and standard deviation of the points without a crystal: the lower side of the values tells both.

    At least the noise of counting the level.
    """
    level = float(np.median(counts))
    for _ in range(20):
        below = counts[counts <= level]
        noise = float(np.sqrt(np.mean(np.square(below - level)))) if below.size else 0.0
        noise = max(noise, float(np.sqrt(max(level, 1.0))))
        new = float(np.median(counts[counts < level + 3 * noise]))
        if abs(new - level) < 1e-3 * noise:
            break
        level = new
    return level, noise


def _neighbours(places: Array) -> list[NDArray[np.intp]]:
    return [np.asarray(list_, np.intp) for list_ in cKDTree(places).query_ball_point(places, BESIDE)]


def _smoothed(
    places: Array, near: Sequence[NDArray[np.intp]], excess: Array, variance: Array, noise: float
) -> tuple[Array, Array, Array]:
    """Weighted means, their standard deviations, and what these would be on the empty substrate."""
    smooth, spread, empty = np.empty_like(excess), np.empty_like(excess), np.empty_like(excess)
    for i, others in enumerate(near):
        weights = np.exp(-0.5 * np.square(places[others] - places[i]).sum(axis=1) / SMOOTH**2)
        weights /= weights.sum()
        smooth[i] = weights @ excess[others]
        spread[i] = np.sqrt(np.square(weights) @ variance[others])
        empty[i] = noise * np.sqrt(np.square(weights).sum())
    return smooth, spread, empty


def _basins(
    smooth: Array, near: Sequence[NDArray[np.intp]], above: NDArray[np.bool_], spread: Array
) -> dict[int, list[int]]:
    """Points of each crystal by its peak: flooded from above, basins joined where they do not stand out."""
    basin = np.full(len(smooth), -1)
    members: dict[int, list[int]] = {}
    order = np.argsort(-smooth, kind="stable")
    for i in order[above[order]]:
        touched = sorted({int(b) for b in basin[near[i]] if b >= 0}, key=lambda b: -smooth[b])
        if not touched:
            basin[i], members[int(i)] = i, [int(i)]
            continue
        home = touched[0]
        for lower in touched[1:]:
            rise = smooth[lower] - smooth[i]
            if rise < max(STANDS_OUT * smooth[lower], STANDS_OUT_SIGMA * spread[lower]):
                basin[members[lower]] = home
                members[home] += members.pop(lower)
        nearest = near[i][basin[near[i]] >= 0]
        home = int(basin[nearest[np.argmax(smooth[nearest])]])  # uphill
        basin[i] = home
        members[home].append(int(i))
    return members


def _candidate(
    map_: CrystalMap,
    known: NDArray[np.intp],
    places: Array,
    near: Sequence[NDArray[np.intp]],
    members: Sequence[int],
    excess: Array,
    significance: float,
) -> Candidate:
    """Moments of the excess over the points that are covered."""
    inside = np.array(members)
    inside = inside[excess[inside] > COVERED * excess[inside].max()]
    brightest = int(inside[np.argmax(excess[inside])])
    weights = excess[inside] / excess[inside].sum()
    at = weights @ places[inside]
    width = np.sqrt(np.maximum(weights @ np.square(places[inside] - at), 0.0))
    step = np.array(map_.step_m)
    position, extent = at * step, np.maximum(FWHM * width, 1.0) * step
    seen = np.stack([map_.row_px[known[inside]], map_.column_px[known[inside]]], axis=1)
    peak, spread = _weighted(seen, weights)
    return Candidate(
        0, (float(position[0]), float(position[1])), (float(extent[0]), float(extent[1])),
        float(excess[inside].sum()), significance, int(known[brightest]), tuple(int(k) for k in known[inside]),
        peak, spread, _surrounded(places, near, brightest),
    )  # fmt: skip


def _weighted(seen: Array, weights: Array) -> tuple[tuple[float, float], tuple[float, float]]:
    there = np.isfinite(seen).all(axis=1)
    if not there.any():
        return (np.nan, np.nan), (np.nan, np.nan)
    share = weights[there] / weights[there].sum()
    mean = share @ seen[there]
    spread = np.sqrt(share @ np.square(seen[there] - mean))
    return (float(mean[0]), float(mean[1])), (float(spread[0]), float(spread[1]))


def _surrounded(places: Array, near: Sequence[NDArray[np.intp]], i: int) -> bool:
    others = near[i][near[i] != i]
    if len(others) < 3:
        return False
    away = places[others] - places[i]
    angles = np.sort(np.degrees(np.arctan2(away[:, 1], away[:, 0])))
    return bool(np.max(np.diff(angles, append=angles[0] + 360.0)) < ALL_SIDES_DEG)
