"""A rocking curve while it is being cleaned: the raw counts beside what is known to be no signal of the crystal."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numba import njit
from numpy.typing import NDArray

from braggline_models.scan import BoolArray, CleaningStep, RockingCurve

Indices = NDArray[np.int64]
FEWEST_DARK = 8


@dataclass(frozen=True)
class Survey:
    """Sum (float64), least and most counts (float32) of each pixel over the n measured frames: (n_rows, n_cols).

    dark  sum over the `dark_frames`, the quarter of them that counts least; None where they are fewer than FEWEST_DARK
    """

    total: NDArray[np.float64]
    lowest: NDArray[np.float32]
    highest: NDArray[np.float32]
    n: int
    dark: NDArray[np.float64] | None
    dark_frames: NDArray[np.intp]


@dataclass(frozen=True)
class Finding:
    """What a cleaning step found: unknown from now on.

    pixels  (n_rows, n_cols) bool, bad in every frame; voxels (k,) indices into the flattened intensity
    near_px row and column of the spot that is the crystal's Bragg peak, where the step had to choose one
    """

    pixels: BoolArray | None = None
    voxels: Indices | None = None
    near_px: tuple[float, float] | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """The curve, never altered, and what is not to be believed of it.

    bad  (n_rows, n_cols) bool, no data in any frame; lost (k,) sorted indices into the flattened intensity
    """

    curve: RockingCurve
    survey: Survey
    bad: BoolArray
    lost: Indices = field(default_factory=lambda: np.empty(0, np.int64))
    near_px: tuple[float, float] | None = None
    steps: tuple[CleaningStep, ...] = ()
    flags: tuple[str, ...] = ()

    @cached_property
    def image(self) -> NDArray[np.float32]:
        """Sum of the good voxels over the measured frames: (n_rows, n_cols), 0 where bad."""
        return self._without(self.survey.total, self.lost)

    @property
    def dark_image(self) -> NDArray[np.float32] | None:
        """The same over the darkest quarter of the frames, None where they are too few."""
        if self.survey.dark is None:
            return None
        frames = self.lost // self.bad.size
        return self._without(self.survey.dark, self.lost[np.isin(frames, self.survey.dark_frames)])

    def _without(self, total: NDArray[np.float64], voxels: Indices) -> NDArray[np.float32]:
        good = np.where(self.bad, 0.0, total)
        if voxels.size:
            np.subtract.at(good.reshape(-1), voxels % good.size, self.counts(voxels))
            good[self.bad] = 0.0
        return np.maximum(good, 0.0).astype(np.float32)

    def counts(self, voxels: Indices) -> NDArray[np.float64]:
        """Raw counts of these voxels, 0 in frames that are not measured: (k,)."""
        frame, row, column = np.unravel_index(voxels, self.curve.intensity.shape)
        return self.curve.intensity[frame, row, column].astype(np.float64) * self.curve.measured[frame]

    def lost_in(self, start: tuple[int, int, int], shape: tuple[int, ...]) -> tuple[NDArray[np.intp], ...]:
        """Indices of the lost voxels within a window of `shape` that begins at the raw voxel `start`."""
        index = np.stack(np.unravel_index(self.lost, self.curve.intensity.shape), axis=-1) - np.array(start)
        inside = ((index >= 0) & (index < np.array(shape))).all(axis=1)
        return tuple(index[inside].T)

    def after(self, name: str, found: Finding) -> Scene:
        """The scene without what was found, and the record of it."""
        fresh = np.zeros_like(self.bad) if found.pixels is None else found.pixels & ~self.bad
        bad = self.bad | fresh
        voxels = np.empty(0, np.int64) if found.voxels is None else np.setdiff1d(found.voxels, self.lost)
        voxels = voxels[~bad.reshape(-1)[voxels % bad.size]]
        removed = float(self.survey.total[fresh].sum()) + float(self.counts(voxels).sum())
        step = CleaningStep(name, int(fresh.sum()) * self.survey.n + len(voxels), removed)
        return replace(
            self, bad=bad, lost=np.union1d(self.lost, voxels), near_px=found.near_px or self.near_px,
            steps=(*self.steps, step), flags=(*self.flags, *found.flags),
        )  # fmt: skip


def scene_of(curve: RockingCurve, bad: BoolArray | None = None) -> Scene:
    """`curve` before any cleaning; `bad` pixels beside those of its mask."""
    return Scene(curve, survey_of(curve), curve.mask if bad is None else curve.mask | bad)


def survey_of(curve: RockingCurve) -> Survey:
    """One pass over the measured frames, and one over the darkest quarter of them."""
    shape = curve.mask.shape
    total, highest = np.zeros(shape), np.zeros(shape, np.float32)
    lowest = np.full(shape, np.inf, np.float32)
    frames = np.flatnonzero(curve.measured)
    sums = [_take(np.ascontiguousarray(curve.intensity[i]), curve.mask, total, lowest, highest) for i in frames]
    darkest = frames[np.argsort(sums, kind="stable")[: len(frames) // 4]]
    dark = None
    if len(darkest) >= FEWEST_DARK:
        dark = np.zeros(shape)
        for index in darkest:
            dark += curve.intensity[index]
    return Survey(total, lowest if len(frames) else highest.copy(), highest, len(frames), dark, darkest)


@njit(cache=True, nogil=True)
def _take(frame, mask, total, lowest, highest):  # type: ignore[no-untyped-def]
    """Adds one frame; gives the sum of its good pixels."""
    counts = 0.0
    for i in range(frame.shape[0]):
        for j in range(frame.shape[1]):
            value = np.float32(frame[i, j])
            total[i, j] += frame[i, j]
            lowest[i, j] = min(lowest[i, j], value)
            highest[i, j] = max(highest[i, j], value)
            if not mask[i, j]:
                counts += frame[i, j]
    return counts
