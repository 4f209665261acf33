"""A candidate as a map shows it: numbers of the points around, and the brightest frame, packed for the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from braggline_models.learned.ranking_data import SIDE, Scene
from braggline_models.maps.prospect import LEAST_COUNTS
from braggline_models.maps.reduce import background_level, peak_center
from braggline_models.simulate.lit import Focus, LitCrystal, lit_crystal, lit_frames

PATCH = 7
MAP_EXPOSURE, EXPOSURE_SPREAD = 0.2, 0.2  # of a curve's frame; rms of its logarithm
FWHM_M = (60e-9, 250e-9)  # of the focus, even in the logarithm
STEP_OVER_FWHM = (0.4, 1.2)
OFF_PEAK = 1.5  # rms: the map's angle is right for few of its crystals; in frames of the curve
MAP_BACKGROUND = (1e-4, 1e-2)
LENGTH = 4 * PATCH**2 + SIDE**2


@dataclass(frozen=True)
class CandidateView:
    """patch (4, 7, 7) as `maps.patch` gives it;  frame (32, 32) counts about the brightest point's peak."""

    patch: NDArray[np.float64]
    frame: NDArray[np.float64]

    @property
    def counts(self) -> float:
        """Integrated over the patch: what crystals are ranked by without learning."""
        return float(self.patch[0].sum())


def packed(view: CandidateView) -> torch.Tensor:
    """(1, LENGTH): log counts, row and column of the peak from the frame's in 8 px, known, and the log frame."""
    counts, row, column, known = view.patch
    bright = counts > LEAST_COUNTS
    weights = np.where(bright, counts, 0.0)
    total = max(float(weights.sum()), 1.0)
    shifts = [np.where(bright, (x - (weights * x).sum() / total) / 8.0, 0.0) for x in (row, column)]
    parts = [np.log1p(np.maximum(counts, 0.0)) / 5.0, *(np.clip(s, -3, 3) for s in shifts), known]
    flat = np.concatenate([np.stack(parts).ravel(), np.log1p(np.maximum(view.frame, 0.0)).ravel() / 5.0])
    return torch.from_numpy(flat.astype(np.float32)[None])


def centered_frame(
    counts: NDArray[np.generic], mask: NDArray[np.bool_], peak_px: tuple[float, float]
) -> NDArray[np.float64]:
    """(32, 32) of a whole frame about a peak; 0 where there is no data, and beyond the frame."""
    cut = np.zeros((SIDE, SIDE))
    row, column = (round(p) - SIDE // 2 for p in peak_px)
    rows, columns = (
        slice(max(a, 0), max(min(a + SIDE, n), 0)) for a, n in zip((row, column), counts.shape, strict=True)
    )
    part = np.where(mask[rows, columns], 0, counts[rows, columns])
    cut[rows.start - row : rows.start - row + part.shape[0], columns.start - column :][:, : part.shape[1]] = part
    return cut


def seen_in_map(of: Scene, lit: tuple[LitCrystal, ...], rng: np.random.Generator) -> CandidateView:
    """The candidate in a map of any beam, step and angle near its own. lit: it, and its neighbour if it has one."""
    fwhm = float(np.exp(rng.uniform(*np.log(FWHM_M))))
    focus = Focus(fwhm, MAP_EXPOSURE * float(np.exp(rng.normal(0.0, EXPOSURE_SPREAD))))
    step = fwhm * rng.uniform(*STEP_OVER_FWHM)
    offset = rng.normal(0.0, OFF_PEAK)
    index = np.arange(PATCH) - PATCH // 2
    grid = np.stack(np.meshgrid(index, index, indexing="ij"), axis=-1).reshape(-1, 2)
    places = step * (grid + rng.uniform(-0.5, 0.5, 2))
    expected = lit_frames(lit[0], focus, places, offset)
    if of.neighbour is not None:
        frame, row, column = of.neighbour.offset_px
        middle = (SIDE // 2 + row, SIDE // 2 + column)
        expected = expected + lit_frames(lit[1], focus, places - of.neighbour.place_m, offset - frame, middle)
    expected = expected + np.float32(np.exp(rng.uniform(*np.log(MAP_BACKGROUND))))
    frames = rng.poisson(expected).astype(np.float64)
    return _viewed(frames)


def lit_of(of: Scene) -> tuple[LitCrystal, ...]:
    """Candidate and neighbour, ready for many frames."""
    crystals = [of.crystal] if of.neighbour is None else [of.crystal, of.neighbour.crystal]
    return tuple(lit_crystal(crystal) for crystal in crystals)


def _viewed(frames: NDArray[np.float64]) -> CandidateView:
    """Frames (49, 32, 32) reduced as those of a map are."""
    known = np.ones(frames.shape[1:], bool)
    levels = np.array([background_level(frame, known) for frame in frames[::PATCH]]).min()
    counts = frames.sum(axis=(1, 2)) - levels * frames[0].size
    places = np.zeros((2, len(frames)))
    for k in np.flatnonzero(counts > LEAST_COUNTS):
        places[:, k] = np.nan_to_num(peak_center(frames[k], known, float(levels))[:2])
    patch = np.concatenate([counts[None], places, np.ones((1, len(frames)))]).reshape(4, PATCH, PATCH)
    brightest = int(np.argmax(counts))
    peak = places[:, brightest] if counts[brightest] > LEAST_COUNTS else np.full(2, SIDE / 2)
    return CandidateView(patch, centered_frame(frames[brightest], ~known, (float(peak[0]), float(peak[1]))))
