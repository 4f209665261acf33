"""Where the Bragg peak is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from braggline_models.errors import BadInput
from braggline_models.preprocess.scene import Scene, scene_of
from braggline_models.scan import BoolArray, RockingCurve, Vector

SMOOTH_PX = 2.0
AROUND_PX = 12  # half width of the box whose centre of mass is the peak
NEAR_PX = 16  # a spot that was chosen is looked for within this


@dataclass(frozen=True)
class BraggPeak:
    """Centre of mass (frame, row, column) in raw pixels, and the counts of each frame around it."""

    center_px: Vector
    counts_per_frame: NDArray[np.float64]


def find_peak(curve: RockingCurve, hot: BoolArray | None = None) -> BraggPeak:
    """sum of I x / sum of I in a box about the brightest spot of the smoothed sum image.

    Raises BadInput where no frame holds a count.
    """
    return peak_of(scene_of(curve, hot))


def peak_of(scene: Scene, factors: NDArray[np.float64] | None = None) -> BraggPeak:
    """`find_peak` of a scene that was cleaned: about the spot that was chosen, where one was.

    factors (n_frames,) weigh the frames, NaN as 0.
    """
    curve, image = scene.curve, scene.image
    if not image.any():
        raise BadInput(f"{curve.name}: every measured frame is empty; check shutter, attenuator and detector")
    row, column = brightest(image, scene.near_px)
    rows, columns = around(row, image.shape[0]), around(column, image.shape[1])
    box = curve.intensity[:, rows, columns] * ~scene.bad[rows, columns]
    box[scene.lost_in((0, rows.start, columns.start), box.shape)] = 0
    box[~curve.measured] = 0
    weights = np.ones(len(box)) if factors is None else np.nan_to_num(factors)
    counts = box.sum(axis=(1, 2), dtype=np.float64) * weights
    frame = float(counts @ np.arange(len(counts)) / counts.sum())
    row_px, column_px = _center(np.einsum("f,frc->rc", weights, np.asarray(box, np.float64)))
    return BraggPeak((frame, rows.start + row_px, columns.start + column_px), counts)


def brightest(image: NDArray[np.float32], near_px: tuple[float, float] | None) -> tuple[int, int]:
    """Row and column of the brightest spot of the smoothed image, within NEAR_PX of `near_px` if given."""
    smooth = gaussian_filter(image, SMOOTH_PX)
    if near_px is not None:
        rows, columns = (np.abs(np.arange(n) - at) > NEAR_PX for n, at in zip(image.shape, near_px, strict=True))
        smooth[rows] = -1.0
        smooth[:, columns] = -1.0
    row, column = np.unravel_index(int(np.argmax(smooth)), image.shape)
    return int(row), int(column)


def around(center: int, n: int, half: int = AROUND_PX) -> slice:
    """center - half to center + half, within n."""
    return slice(max(center - half, 0), min(center + half + 1, n))


def frame_counts(curve: RockingCurve, hot: BoolArray | None = None) -> NDArray[np.float64]:
    """Counts of each frame over the good pixels: (n_frames,), 0 where not measured."""
    bad = curve.mask if hot is None else curve.mask | hot
    good = ~bad
    counts = np.zeros(len(curve.intensity))
    for index in np.flatnonzero(curve.measured):
        counts[index] = float(np.sum(curve.intensity[index][good], dtype=np.float64))
    return counts


def _center(box: NDArray[np.float64]) -> tuple[float, float]:
    total = box.sum()
    row = float(box.sum(axis=1) @ np.arange(box.shape[0]) / total)
    return row, float(box.sum(axis=0) @ np.arange(box.shape[1]) / total)
