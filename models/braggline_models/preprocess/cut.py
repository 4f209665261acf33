"""The window of a cleaned curve as a volume of float counts, and its frames binned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from braggline_models.preprocess.background import background_level, background_threshold
from braggline_models.preprocess.options import Background
from braggline_models.preprocess.scene import Scene
from braggline_models.preprocess.window import MOST_OVERSAMPLING, oversampling
from braggline_models.scan import BoolArray, CleaningStep

Volume = tuple[NDArray[np.float32], BoolArray]


def cut(scene: Scene, start: tuple[int, int, int], shape: tuple[int, ...]) -> Volume:
    """A copy of the counts from raw voxel `start`, 0 where unknown; mask True there: bad, lost or not measured."""
    curve = scene.curve
    frames, rows, columns = (slice(s, s + n) for s, n in zip(start, shape, strict=True))
    intensity = curve.intensity[frames, rows, columns].astype(np.float32)
    mask = np.zeros(intensity.shape, bool) | scene.bad[rows, columns]
    mask |= ~curve.measured[frames, None, None]
    mask[scene.lost_in(start, intensity.shape)] = True
    intensity[mask] = 0.0
    return intensity, mask


def without_background(
    scene: Scene, intensity: NDArray[np.float32], start: tuple[int, int, int], background: Background
) -> tuple[NDArray[np.float32], CleaningStep]:
    """Counts of the window from `start` that the flat background explains set to 0."""
    level = background_level(scene, start[1:], intensity.shape[1:]) if background == "auto" else 0.0
    limit = background_threshold(level, background)
    noise = (intensity > 0) & (intensity <= limit)
    step = CleaningStep("background", int(noise.sum()), float(intensity[noise].sum(dtype=np.float64)))
    return np.where(noise, np.float32(0.0), intensity), step


def frames_to_bin(intensity: NDArray[np.float32], mask: BoolArray) -> int:
    """1, or 2 where the rocking step is finer than the crystal asks for; only once every frame is there."""
    unmeasured = mask.all(axis=(1, 2)).any()
    divisible = intensity.shape[0] % 4 == 0
    return 2 if divisible and not unmeasured and oversampling(intensity)[0] > MOST_OVERSAMPLING else 1


def binned(intensity: NDArray[np.float32], mask: BoolArray, bins: int) -> Volume:
    """Sums over `bins` frames, unknown where one of them is."""
    if bins == 1:
        return intensity, mask
    n = intensity.shape[0] // bins
    shape = (n, bins, *intensity.shape[1:])
    unknown = np.asarray(mask[: n * bins].reshape(shape).any(axis=1))
    summed = intensity[: n * bins].reshape(shape).sum(axis=1, dtype=np.float32)
    summed[unknown] = 0.0
    return summed, unknown
