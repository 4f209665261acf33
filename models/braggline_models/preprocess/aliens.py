"""Counts of another crystal, or of a stray beam: found without a hand, before the Bragg peak is centered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braggline_models.preprocess.options import PrepareOptions
from braggline_models.preprocess.peak import around
from braggline_models.preprocess.scene import Finding, Indices, Scene
from braggline_models.preprocess.spots import crystals_spot, find_spots
from braggline_models.preprocess.symmetry import asymmetry, core_center, lone_bumps, smoothed

MARGIN_PX = 16  # around the largest window, so that an alien on its edge is seen whole
BIN_PX = 2
MANY_FRAMES = 48  # from here on two frames go together
OVER = 0.25  # of the brightest frame: where first and last frame are below, the peak lies behind, and has two sides
CORE_PX = 8  # a region that comes that near to the peak is the peak's own


@dataclass(frozen=True)
class _Cells:
    """Counts summed over cells of `bins` raw voxels from the raw voxel `start`; known: share that is measured."""

    counts: NDArray[np.float32]
    known: NDArray[np.float32]
    start: tuple[int, int, int]
    bins: tuple[int, int, int]


def find_aliens(scene: Scene, options: PrepareOptions) -> Finding:
    """Regions that outshine their counterpart across the Bragg peak and all around them: see symmetry.py.

    Of several Bragg peaks on the detector the crystal's is chosen first (spots.py), then what is alien in the window
    around it becomes unknown. What has no measured counterpart is left alone. The step `aliens`.
    """
    spots = find_spots(scene)
    if not spots:
        return Finding()
    ours = crystals_spot(spots, len(scene.curve.intensity))
    half = max(options.largest_px, *options.at_least_px) // 2 + MARGIN_PX
    cells = _cells(scene, ours.row, ours.column, half)
    voxels = _alien_voxels(scene, cells, ours.center_px)
    flags = []
    if voxels.size and (counts := float(scene.counts(voxels).sum())) >= 1.0:
        flags.append(f"aliens: {counts:.3g} counts in {voxels.size} voxels are not the crystal's: taken as unknown")
    others = (spot for spot in spots if spot is not ours)
    flags += [f"another Bragg peak: {spot}; the crystal's is taken to be that of {ours}" for spot in others]
    return Finding(voxels=voxels, near_px=ours.center_px, flags=tuple(flags))


def _alien_voxels(scene: Scene, cells: _Cells, center_px: tuple[float, float]) -> Indices:
    smooth = smoothed(cells.counts, cells.known)
    row, column = (int(x - s) // BIN_PX for x, s in zip(center_px, cells.start[1:], strict=True))
    row, column = min(row, smooth.shape[1] - 1), min(column, smooth.shape[2] - 1)
    frame = int(np.argmax(smooth[:, row, column]))
    if not _has_two_sides(cells, row, column):
        return np.empty(0, np.int64)
    center = core_center(smooth, (frame, row, column))
    alien = np.zeros(smooth.shape, bool)
    for box, region in lone_bumps(smooth, asymmetry(smooth, cells.known, center)):
        at = np.argwhere(region) + [s.start for s in box] - np.array(center)
        if float(np.min(np.linalg.norm(at * cells.bins, axis=1))) > CORE_PX:
            alien[box] |= region
    return _voxels(scene, cells, alien)


def _has_two_sides(cells: _Cells, row: int, column: int) -> bool:
    """False while the scan is still on its way to the peak, or was ended on it: nothing can be told from symmetry."""
    rows, columns = (around(k, n, CORE_PX) for k, n in zip((row, column), cells.counts.shape[1:], strict=True))
    measured = np.flatnonzero(cells.known.any(axis=(1, 2)))
    profile = cells.counts[measured, rows, columns].sum(axis=(1, 2))
    return len(profile) > 2 and max(profile[0], profile[-1]) < OVER * profile.max()


def _cells(scene: Scene, row: int, column: int, half: int) -> _Cells:
    curve = scene.curve
    spans = [_span(c, half, n) for c, n in zip((row, column), scene.bad.shape, strict=True)]
    n = len(curve.intensity)
    bins = (2 if n >= MANY_FRAMES else 1, BIN_PX, BIN_PX)
    start = (0, spans[0].start, spans[1].start)
    shape = (n // bins[0], *((s.stop - s.start) // BIN_PX for s in spans))
    good = ~scene.bad[spans[0], spans[1]]
    counts, known = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    share = _binned(good.astype(np.float32)) / np.float32(np.prod(bins))
    for index in np.flatnonzero(curve.measured[: shape[0] * bins[0]]):
        counts[index // bins[0]] += _binned(np.where(good, curve.intensity[index][spans[0], spans[1]], 0))
        known[index // bins[0]] += share
    lost = scene.lost_in(start, tuple(s * b for s, b in zip(shape, bins, strict=True)))
    raw = tuple(axis + first for axis, first in zip(lost, start, strict=True))
    cell = tuple(axis // b for axis, b in zip(lost, bins, strict=True))
    np.subtract.at(counts, cell, curve.intensity[raw].astype(np.float32) * curve.measured[raw[0]])
    np.subtract.at(known, cell, np.float32(1.0 / np.prod(bins)))
    return _Cells(np.maximum(counts, 0), np.maximum(known, 0), start, bins)


def _span(center: int, half: int, n: int) -> slice:
    """An even number of pixels about `center`, within n."""
    first, after = max(center - half, 0), min(center + half, n)
    return slice(first, after - (after - first) % BIN_PX)


def _binned(frame: NDArray[np.generic]) -> NDArray[np.float32]:
    pairs = frame[:, 0::2].astype(np.float32) + frame[:, 1::2].astype(np.float32)
    return np.asarray(pairs[0::2] + pairs[1::2], np.float32)


def _voxels(scene: Scene, cells: _Cells, alien: NDArray[np.bool_]) -> Indices:
    """Indices into the flattened intensity of all raw voxels of these cells."""
    corner = np.argwhere(alien) * cells.bins + cells.start
    inside = np.stack(np.meshgrid(*(np.arange(b) for b in cells.bins), indexing="ij"), axis=-1).reshape(-1, 3)
    raw = (corner[:, None] + inside).reshape(-1, 3)
    return np.sort(np.ravel_multi_index(tuple(raw.T), scene.curve.intensity.shape)).astype(np.int64)
