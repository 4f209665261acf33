"""Windows whose spurious counts are known, and what a gap hides."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from braggline_models.scan import BoolArray
from braggline_models.simulate.beam import at_offsets
from braggline_models.simulate.crystal_range import CrystalRange
from braggline_models.simulate.detector import seen_by_detector
from braggline_models.simulate.drawn import DrawnCrystal, drawn_crystal
from braggline_models.simulate.flaws import DetectorFlaws, FlawRange, drawn_flaws

CRYSTALS = CrystalRange(size=(0.16, 0.44), phase_range_rad=(0.0, 10.0))
FLAWS = FlawRange(
    gap_px=(3, 12),
    odds={"pixels": 0.7, "zingers": 0.6, "aliens": 0.6, "gap": 0.7, "saturation": 0.0, "beam": 0.5},
)
FAINTEST = 1.0  # spurious counts in a voxel, and at least as many as the crystal's: then the voxel is spoilt
CUT_SHORT = 0.2  # of the examples


@dataclass(frozen=True)
class Example:
    """counts (n, n, n) float32, 0 where not known; the truth of each voxel.

    alien, hot  bool: counts of another crystal, or of the pixel itself (hot, or hit), are FAINTEST or more and no fewer
    than the crystal's;  crystal  float32 counts expected of the crystal alone, behind gaps too
    hidden  bool: not known, but within the scan and the detector, so that it could be filled
    """

    counts: NDArray[np.float32]
    known: BoolArray
    alien: BoolArray
    hot: BoolArray
    crystal: NDArray[np.float32]
    hidden: BoolArray


def example(crystal: DrawnCrystal, flaws: DetectorFlaws, rng: np.random.Generator) -> Example:
    """What a detector with these `flaws` sees of the crystal."""
    seen = seen_by_detector(crystal.expected, rng, flaws)
    lit = seen.beam.brightness.astype(np.float32)[:, None, None]
    own = at_offsets(crystal.expected, seen.beam.offset_steps) * lit
    known = np.broadcast_to(~(seen.gap | seen.dead), own.shape)
    counts = np.where(known, seen.counts, 0).astype(np.float32)
    expected = own if seen.alien_expected is None else own + seen.alien_expected
    odd = (seen.hot[None] | seen.zinger) & (counts - expected - flaws.background >= np.maximum(own, FAINTEST))
    return Example(counts, known, seen.alien & known, odd & known, own, ~known)


def drawn_example(n: int, rng: np.random.Generator) -> Example:
    """One of all kinds, for training."""
    crystal = drawn_crystal(n, rng, CRYSTALS)
    whole = example(crystal, drawn_flaws(crystal.expected, FLAWS, rng), rng)
    return cut_short(whole, rng) if rng.random() < CUT_SHORT else whole


def cut_short(whole: Example, rng: np.random.Generator) -> Example:
    """The same where the scan began late or ended early, or the detector ends: one side of it was never measured."""
    axis, n = int(rng.integers(3)), len(whole.known)
    gone = np.arange(n) < rng.integers(1, n // 4)
    outside = np.moveaxis(np.broadcast_to(gone if rng.random() < 0.5 else gone[::-1], whole.known.shape), -1, axis)
    return replace(
        whole, counts=np.where(outside, np.float32(0.0), whole.counts), known=whole.known & ~outside,
        alien=whole.alien & ~outside, hot=whole.hot & ~outside, hidden=whole.hidden & ~outside,
    )  # fmt: skip
