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
from braggline_models.simulate.pixels import drawn_pixels, spoil

ALIEN_COUNTS = 1.0  # expected in a voxel that is an alien's, and at least as many as the crystal's own there
FAINT = 0.05  # counts a pixel


@dataclass(frozen=True)
class Seen:
    """counts uint32 (n_frames, n_rows, n_cols) of the detector, and what in them is not the crystal's.

    gap, hot, dead  bool (n_rows, n_cols);  zinger, alien, saturated  bool (n_frames, n_rows, n_cols)
    alien_expected  float32 of the shape of what was expected, None where there is no alien;  beam  of every frame
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


def seen_by_detector(
    expected: NDArray[np.float32],
    rng: np.random.Generator,
    flaws: DetectorFlaws,
    gap: BoolArray | None = None,
    corner_px: tuple[int, int] = (0, 0),
) -> Seen:
    """Counts of `expected` (n_frames, n_rows, n_cols), a crystal's in a still beam, with all that is wrong with them.

    gap (rows, columns) of a whole detector, in which `expected` is a window that begins at `corner_px`; else the window
    is the detector. In the order of nature: the motor's place, aliens, beam, background, counting, hot pixels, zingers,
    saturation, and pixels that are not there.
    """
    n, *size = expected.shape
    beam = drawn_beam(n, flaws.flux_noise, flaws.drift, flaws.jitter_steps, rng)
    aliens = tuple(drawn_alien(expected.shape, strength, rng) for strength in flaws.alien_strengths)
    crystal = at_offsets(expected, beam.offset_steps) * beam.brightness.astype(np.float32)[:, None, None]
    alien_expected = _alien_counts(aliens, float(expected.max()), beam, expected.shape) if aliens else None
    total = crystal if alien_expected is None else crystal + alien_expected
    window = (slice(None), *(slice(c, c + k) for c, k in zip(corner_px, size, strict=True)))
    counts = np.zeros((n, *(size if gap is None else gap.shape)), np.uint32)
    counts[window] = rng.poisson(total)
    if flaws.background:
        for frame, flux in zip(counts, beam.flux, strict=True):
            add_flat(frame, flaws.background * flux, rng)
    pixels = drawn_pixels(np.zeros(counts.shape[1:], bool) if gap is None else gap, flaws, rng)
    zinger, saturated = spoil(counts, pixels, flaws, rng)
    alien = np.zeros(counts.shape, bool)
    if alien_expected is not None:
        alien[window] = alien_expected >= np.maximum(crystal, ALIEN_COUNTS)
    return Seen(counts, pixels.gap, pixels.hot, pixels.dead, zinger, alien, saturated, alien_expected, aliens, beam)


def add_flat(frame: NDArray[np.uint32], mean: float, rng: np.random.Generator) -> None:
    """Poisson counts of one mean in every pixel; few are thrown one by one, which is the same and quicker."""
    if mean > FAINT:
        frame += rng.poisson(mean, frame.shape).astype(np.uint32)
    else:
        thrown = rng.integers(0, frame.size, rng.poisson(mean * frame.size))
        np.add.at(frame.reshape(-1), thrown, np.uint32(1))


def _alien_counts(aliens: tuple[Alien, ...], peak: float, beam: Beam, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """An alien does not drift with the crystal: the flux alone dims it."""
    total = np.zeros(shape, np.float32)
    for alien in aliens:
        total += alien.intensity(shape) * np.float32(peak)
    return total * beam.flux.astype(np.float32)[:, None, None]
