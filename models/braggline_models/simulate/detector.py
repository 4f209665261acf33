"""What a pixel detector makes of the counts that should be there, and the truth of everything that is not signal.

seen = seen_by_detector(expected, rng, DetectorFlaws(hot_pixels=3, zingers_per_frame=0.1, alien_strengths=(0.01,)))
seen.counts, seen.hot, seen.zinger, seen.alien, ...
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braggline_models.scan import BoolArray
from braggline_models.simulate.alien import Alien, drawn_alien
from braggline_models.simulate.beam import Beam, at_offsets, drawn_beam
from braggline_models.simulate.flaws import DetectorFlaws
from braggline_models.simulate.pixels import spoil

ALIEN_COUNTS = 1.0  # expected in a voxel that is an alien's, and at least as many as the crystal's own there


@dataclass(frozen=True)
class Seen:
    """counts uint32 (n_frames, n_rows, n_cols) and what in them is not the crystal's.

    gap, hot, dead  bool (n_rows, n_cols);  zinger, alien, saturated  bool (n_frames, n_rows, n_cols)
    alien_expected  float32 of the same shape, or None where there is no alien;  beam  of every frame
    """

    counts: NDArray[np.uint32]
    gap: BoolArray
    hot: BoolArray
    dead: BoolArray
    zinger: BoolArray
    alien: BoolArray
    saturated: BoolArray
    alien_expected: NDArray[np.float32] | None
    aliens: tuple[Alien, ...]
    beam: Beam


def seen_by_detector(expected: NDArray[np.float32], rng: np.random.Generator, flaws: DetectorFlaws) -> Seen:
    """Counts of `expected` (n_frames, n_rows, n_cols), a crystal's in a still beam, with all that is wrong with them.

    In the order of nature: the motor's place, aliens, beam, background, counting, hot pixels, zingers, saturation, and
    pixels that are not there.
    """
    shape = expected.shape
    beam = drawn_beam(shape[0], flaws.flux_noise, flaws.drift, flaws.jitter_steps, rng)
    aliens = tuple(drawn_alien(shape, strength, rng) for strength in flaws.alien_strengths)
    lit = beam.brightness.astype(np.float32)[:, None, None]
    crystal = at_offsets(expected, beam.offset_steps) * lit
    alien_expected = _alien_counts(aliens, float(expected.max()), beam, shape) if aliens else None
    total = crystal + np.float32(flaws.background) * beam.flux.astype(np.float32)[:, None, None]
    if alien_expected is not None:
        total += alien_expected
    counts = rng.poisson(total).astype(np.uint32)
    spoilt = spoil(counts, flaws, rng)
    alien = np.zeros(shape, bool) if alien_expected is None else alien_expected >= np.maximum(crystal, ALIEN_COUNTS)
    return Seen(
        counts, spoilt.gap, spoilt.hot, spoilt.dead, spoilt.zinger, alien, spoilt.saturated,
        alien_expected, aliens, beam,
    )  # fmt: skip


def _alien_counts(aliens: tuple[Alien, ...], peak: float, beam: Beam, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """An alien does not drift with the crystal: the flux alone dims it."""
    total = np.zeros(shape, np.float32)
    for alien in aliens:
        total += alien.intensity(shape) * np.float32(peak)
    return total * beam.flux.astype(np.float32)[:, None, None]
