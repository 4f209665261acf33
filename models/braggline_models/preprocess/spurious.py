"""Counts that a learned model takes for another crystal's, or the detector's own; what it makes of gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.preprocess.cut import cut
from braggline_models.preprocess.options import PrepareOptions
from braggline_models.preprocess.scene import Finding, Scene
from braggline_models.preprocess.spots import crystals_spot, find_spots
from braggline_models.preprocess.symmetry import core_center, smoothed
from braggline_models.preprocess.window import signal_extent_px
from braggline_models.scan import BoolArray, CleaningStep

if TYPE_CHECKING:
    from braggline_models.learned.model import Model
    from braggline_models.learned.spurious.answer import Answer

NAME = "spurious"
MARGIN_PX = 8  # about the window of the crystal, so that an alien on its edge is seen whole
NEAR_PX = 6  # the Bragg peak is looked for within this of its spot
ALIEN_FROM, HOT_FROM = 0.7, 0.7  # probabilities, by the IoU on validation seeds
DOUBT = 1.0  # a larger standard deviation of log(1 + I) leaves a voxel unknown
HOT_FRAMES = 0.5  # of the frames: a pixel that is hot in more is given up in all


def find_spurious(scene: Scene, options: PrepareOptions) -> Finding:
    """What the learned model 'spurious' takes for no counts of the crystal. The step `spurious`.

    Stands back, with a flag, where there is no model or the window is unlike what it was trained on.
    """
    model = options.models.get(NAME)
    if model is None:
        return Finding(flags=("spurious: no learned model; add it to the recipe's `learned`, or leave the step out",))
    if not np.isfinite(scene.survey.total).all():
        return Finding(flags=("spurious: the learned model stands back, the counts hold NaN or infinity",))
    spots = find_spots(scene)
    if not spots:
        return Finding()
    ours = crystals_spot(spots, len(scene.curve.intensity))
    extent = signal_extent_px(scene.image, ours.center_px, options.largest_px)
    sides, start = _placed(scene, ours.center_px, extent)
    counts, mask = cut(scene, start, (len(scene.curve.intensity), *sides))
    near = (round(ours.frame) - start[0], ours.row - start[1], ours.column - start[2])
    answer, flags = _asked(model, counts, ~mask, near)
    if answer is None:
        return Finding(near_px=ours.center_px, flags=flags)
    hot = (answer.hot > HOT_FROM) & ~mask
    pixels = np.zeros_like(scene.bad)
    frames = np.maximum((~mask).sum(axis=0), 1)
    pixels[start[1] : start[1] + sides[0], start[2] : start[2] + sides[1]] = hot.sum(axis=0) > HOT_FRAMES * frames
    found = np.argwhere(hot | ((answer.alien > ALIEN_FROM) & ~mask)) + start
    voxels = np.sort(np.ravel_multi_index(tuple(found.T), scene.curve.intensity.shape)).astype(np.int64)
    aliens = float(counts[(answer.alien > ALIEN_FROM) & ~mask].sum(dtype=np.float64))
    told = (f"spurious: {aliens:.3g} counts are taken for another crystal's, so unknown",) if aliens >= 1.0 else ()
    return Finding(pixels=pixels, voxels=voxels, near_px=ours.center_px, flags=told)


def filled(
    scene: Scene,
    intensity: NDArray[np.float32],
    mask: BoolArray,
    start: tuple[int, int, int],
    center: tuple[float, float, float],
    model: Model,
) -> tuple[NDArray[np.float32], BoolArray, CleaningStep, tuple[str, ...]]:
    """exp(m) - 1 in gaps and bad pixels of measured frames, m the model's mean of log(1 + I), where its standard
    deviation is below DOUBT; the rest stays unknown. `intensity` and `mask` are a window from raw voxel `start`.
    """
    near = tuple(round(c) - s for c, s in zip(center, start, strict=True))
    answer, flags = _asked(model, intensity, ~mask, (near[0], near[1], near[2]))
    if answer is None:
        return intensity, mask, CleaningStep("filled", 0, 0.0), flags
    rows, columns = (slice(s, s + n) for s, n in zip(start[1:], mask.shape[1:], strict=True))
    measured = scene.curve.measured[start[0] : start[0] + len(mask)]
    sure = mask & scene.bad[rows, columns] & measured[:, None, None] & (answer.log_std < DOUBT)
    put = np.where(sure, np.maximum(np.expm1(answer.log_mean), np.float32(0.0)), intensity)
    step = CleaningStep("filled", int(sure.sum()), -float(put[sure].sum(dtype=np.float64)))
    return put.astype(np.float32), mask & ~sure, step, flags


def _asked(
    model: Model, counts: NDArray[np.float32], known: BoolArray, near: tuple[int, int, int]
) -> tuple[Answer | None, tuple[str, ...]]:
    """The model's answer, or None and why it stands back."""
    from braggline_models.learned.spurious.answer import answered  # torch is imported only where a model takes part

    try:
        answer = answered(model, counts, known, _center(counts, known, near))
    except BadInput as error:
        return None, (str(error),)
    if answer.outside > 1.0:
        words = f"unlike what it was trained on ({answer.outside:.1f} times the limit)"
        return None, (f"spurious: the learned model stands back, this pattern is {words}",)
    return answer, ()


def _center(counts: NDArray[np.float32], known: BoolArray, near: tuple[int, int, int]) -> tuple[int, int, int]:
    """Index of the Bragg peak: the brightest place close to `near`, and what is connected to it."""
    smooth = smoothed(counts, known.astype(np.float32))
    box = tuple(slice(max(c - NEAR_PX, 0), c + NEAR_PX + 1) for c in near)
    top = np.unravel_index(int(np.argmax(smooth[box])), smooth[box].shape)
    peak = [int(t) + s.start for t, s in zip(top, box, strict=True)]
    frame, row, column = core_center(smooth, (peak[0], peak[1], peak[2]))
    return round(frame), round(row), round(column)


def _placed(
    scene: Scene, center: tuple[float, float], extent: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int, int]]:
    """Sides and start of a window of `extent` and MARGIN_PX about `center`, within the detector."""
    sides = [min(side + 2 * MARGIN_PX, n) for side, n in zip(extent, scene.bad.shape, strict=True)]
    first = [
        min(max(round(c) - side // 2, 0), n - side)
        for c, side, n in zip(center, sides, scene.bad.shape, strict=True)
    ]  # fmt: skip
    return (sides[0], sides[1]), (0, first[0], first[1])
