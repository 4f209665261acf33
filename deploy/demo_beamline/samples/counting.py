"""From expected counts to what a photon-counting detector reads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demo_beamline.samples.detectors import DetectorModel

FAINT = 0.05
HOT_RATE_PER_S = 4000.0


def photon_counts(expected: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint32]:
    """Poisson counts. Faint pixels share one Poisson number of photons, each put where its expectation says:
    the same distribution as pixel by pixel, at a cost that follows the photons and not the pixels."""
    flat = expected.ravel()
    bright = np.flatnonzero(flat > FAINT)
    counts = np.zeros(flat.size, np.uint32)
    counts[bright] = rng.poisson(flat[bright])
    faint = np.where(flat > FAINT, 0.0, flat).cumsum(dtype=np.float64)
    places = np.searchsorted(faint, rng.random(rng.poisson(faint[-1])) * faint[-1], side="right")
    np.add.at(counts, np.minimum(places, flat.size - 1), np.uint32(1))
    return counts.reshape(expected.shape)


def hot_pixels(detector: DetectorModel, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the pixels of this detector that always count; never in a gap."""
    candidates = np.argwhere(detector.alive())
    chosen = np.random.default_rng((seed, 77)).choice(len(candidates), detector.hot_pixels, replace=False)
    return candidates[chosen, 0], candidates[chosen, 1]
