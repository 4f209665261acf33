"""Frames of a map with the strain and tilt of what the beam lit, and all that spoils them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from braggline_models.scan import BoolArray
from braggline_models.simulate.crystal_range import CrystalRange
from braggline_models.simulate.drawn import drawn_crystal
from braggline_models.simulate.lit import Focus, LitCrystal, lattice_px, lit_crystal, lit_frames

SIDE = 64
POOL = 600  # crystals, each in endlessly many frames
CRYSTALS = CrystalRange(size=(0.10, 0.46), phase_range_rad=(0.0, 12.0), finer=1)
BEAM_OVER_SIZE = (0.4, 2.0)  # FWHM over the diameter, even in the logarithm
BESIDE = 0.5  # of the beam's FWHM: rms distance from the crystal's middle
OFF_PEAK = 1.2  # rms, in steps of as many a curve as the object has voxels: the crystal is turned out of Bragg's angle
COUNTS = (30.0, 1e5)  # in a frame, even in the logarithm
DIM, BRIGHT = (30.0, 300.0), (1e3, 1e5)
BACKGROUND = (1e-4, 0.05)  # counts a pixel, even in the logarithm
INSIDE_PX, EDGE_PX = 20.0, (25.0, 34.0)  # of the peak from the middle; the ROI ends at 32
GAP_PX = (3, 10)
HOT = (1, 6)
HOT_COUNTS = (5.0, 3e3)
SECOND = (0.1, 0.6)  # counts of a second crystal, over the first's
BORDER_PX = 10.0
KINDS = ("bright", "dim", "gap", "hot", "edge", "two")


@dataclass(frozen=True)
class Frame:
    """counts, gap (64, 64); lattice_px (2,) where the mean lattice of the lit part has its peak, from the middle:
    row and column; strain_per_px, tilt_rad_per_px of these two."""

    counts: NDArray[np.uint32]
    gap: BoolArray
    lattice_px: NDArray[np.float64]
    strain_per_px: float
    tilt_rad_per_px: float


@dataclass(frozen=True)
class Known:
    """A crystal of the pool: lit, its diameter in m, and what a pixel of row or column means."""

    lit: LitCrystal
    diameter_m: float
    strain_per_px: float
    tilt_rad_per_px: float


@lru_cache(maxsize=2 * POOL)
def known(seed: int) -> Known:
    """The crystal of that seed. A row is q across rows and frames, and so a strain; a column turns Q."""
    crystal = drawn_crystal(SIDE, np.random.default_rng([seed, 3]), CRYSTALS)
    length = float(np.linalg.norm(crystal.q_bragg_per_m))
    row, column = crystal.q_step_per_m[:, 1], crystal.q_step_per_m[:, 2]
    per_voxel = 1.0 / float(np.linalg.norm(np.linalg.inv(crystal.vectors_m), axis=1).max())
    return Known(
        lit_crystal(crystal), crystal.size_voxels * per_voxel,
        -float(row @ crystal.q_bragg_per_m) / length**2, float(np.linalg.norm(column)) / length,
    )  # fmt: skip


def drawn_frame(rng: np.random.Generator, crystal: Known, other: Known, kinds: frozenset[str]) -> Frame:
    """A frame of `crystal` with these KINDS of trouble."""
    span = DIM if "dim" in kinds else BRIGHT if "bright" in kinds else COUNTS
    counts = float(np.exp(rng.uniform(*np.log(span))))
    middle = rng.uniform(-INSIDE_PX, INSIDE_PX, 2)
    if "edge" in kinds:
        middle[int(rng.integers(2))] = rng.uniform(*EDGE_PX) * rng.choice((-1.0, 1.0))
    expected, shift = _pattern(rng, crystal, middle)
    expected *= np.float32(counts / max(float(expected.sum()), 1e-9))
    if "two" in kinds:
        second, _ = _pattern(rng, other, rng.uniform(-INSIDE_PX, INSIDE_PX, 2))
        expected += second * np.float32(counts * rng.uniform(*SECOND) / max(float(second.sum()), 1e-9))
    expected += np.float32(np.exp(rng.uniform(*np.log(BACKGROUND))))
    seen = rng.poisson(expected).astype(np.uint32)
    gap = np.zeros((SIDE, SIDE), bool)
    if "hot" in kinds:
        n = int(rng.integers(HOT[0], HOT[1] + 1))
        at = rng.integers(0, SIDE, (2, n))
        low, high = np.log(HOT_COUNTS)
        seen[at[0], at[1]] += rng.poisson(np.exp(rng.uniform(low, high, n))).astype(np.uint32)
    if "gap" in kinds:
        width, axis = int(rng.integers(GAP_PX[0], GAP_PX[1] + 1)), int(rng.integers(2))
        first = int(np.clip(SIDE // 2 + shift[axis] + rng.normal(0.0, 5.0) - width / 2, 0, SIDE - width))
        np.moveaxis(gap, axis, 0)[first : first + width] = True
    seen[gap] = 0
    return Frame(seen, gap, shift, crystal.strain_per_px, crystal.tilt_rad_per_px)


def _pattern(
    rng: np.random.Generator, crystal: Known, middle: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Expected counts of any scale, and where the mean lattice of the lit part lies from the frame's middle.

    A peak near the edge would come in again on the other side: what is far from it is left out, by a border that is
    not centred on it and so tells nothing.
    """
    focus = Focus(crystal.diameter_m * float(np.exp(rng.uniform(*np.log(BEAM_OVER_SIZE)))))
    place = rng.normal(0.0, BESIDE * focus.fwhm_m / np.sqrt(2.0), 2)
    lattice = lattice_px(crystal.lit, focus, (float(place[0]), float(place[1])))
    offset = lattice[0] + rng.normal(0.0, OFF_PEAK)
    half = SIDE // 2
    at = (half + middle[0] - lattice[1], half + middle[1] - lattice[2])  # the lit lattice then lies at `middle`
    frame = lit_frames(crystal.lit, focus, place[None], offset, at, SIDE)[0]
    border = middle + rng.uniform(-BORDER_PX, BORDER_PX, 2)
    near = [np.abs(np.arange(SIDE) - half - b) < half for b in border]
    frame *= np.outer(near[0], near[1])
    return frame, np.asarray(middle, np.float64)
