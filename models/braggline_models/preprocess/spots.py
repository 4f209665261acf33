"""Bragg peaks on the detector, and which of them is the crystal's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from braggline_models.preprocess.peak import SMOOTH_PX, around
from braggline_models.preprocess.scene import Scene

APART_PX = 40  # nearer maxima belong to one crystal: a strained peak splits into lobes
SPOT_HALF_PX = 8
LEAST_SHARE = 0.2  # of the brightest spot: a dimmer one is no rival
LEAST_COUNTS = 500.0
MOST = 5
CENTERED = 1.5  # weight of a place in the middle of the scan


@dataclass(frozen=True)
class Spot:
    """Mean frame, row and column of a maximum of the sum image, and the counts about it."""

    frame: float
    row: int
    column: int
    counts: float

    @property
    def center_px(self) -> tuple[float, float]:
        return float(self.row), float(self.column)

    def __str__(self) -> str:
        return f"{self.counts:.3g} counts at frame {self.frame:.0f}, row {self.row}, column {self.column}"


def find_spots(scene: Scene) -> list[Spot]:
    """Maxima of the smoothed sum image at least APART_PX from each other, brightest first; empty where it is."""
    smooth = gaussian_filter(scene.image, SMOOTH_PX)
    found: list[Spot] = []
    while len(found) < MOST and smooth.any():
        row, column = (int(i) for i in np.unravel_index(int(np.argmax(smooth)), smooth.shape))
        spot = _spot(scene, row, column)
        if found and (spot.counts < LEAST_SHARE * found[0].counts or spot.counts < LEAST_COUNTS):
            break
        found.append(spot)
        smooth[around(row, smooth.shape[0], APART_PX), around(column, smooth.shape[1], APART_PX)] = 0.0
    return found


def crystals_spot(spots: list[Spot], n_frames: int) -> Spot:
    """The spot of largest log10(counts) - CENTERED x^2, x its distance from the middle of the scan over half the scan.

    Who scans a crystal puts its Bragg peak in the middle: there a peak stands for the crystal though another, at the
    end of the scan, is up to thirty times as bright.
    """
    half = n_frames / 2

    def score(spot: Spot) -> float:
        return float(np.log10(max(spot.counts, 1.0)) - CENTERED * ((spot.frame + 0.5 - half) / half) ** 2)

    return max(spots, key=score)


def _spot(scene: Scene, row: int, column: int) -> Spot:
    curve = scene.curve
    rows, columns = (around(k, n, SPOT_HALF_PX) for k, n in zip((row, column), scene.bad.shape, strict=True))
    box = curve.intensity[:, rows, columns] * ~scene.bad[rows, columns]
    box[scene.lost_in((0, rows.start, columns.start), box.shape)] = 0
    counts = box.sum(axis=(1, 2), dtype=np.float64) * curve.measured
    total = float(counts.sum())
    return Spot(float(counts @ np.arange(len(counts))) / total if total else 0.0, row, column, total)
