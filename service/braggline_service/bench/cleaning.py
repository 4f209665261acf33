"""Frames a second through the cleaning, and through all of prepare(), on one core."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from braggline_models.preprocess import ALL_STEPS, PrepareOptions, cleaned, prepare
from braggline_models.scan import RockingCurve
from braggline_models.simulate import simulate_curve
from braggline_service.beamlines import load_beamline

BRAGG_DEG = {"eta": 17.7, "phi": 0.0, "nu": 0.0, "delta": 35.4}  # Pt (111) at 9 keV
BACKGROUND_COUNTS = 0.01  # a voxel: so that no page of the frames is empty
HOT_PIXELS, ZINGERS = 20, 50
ALIEN_OFFSET, ALIEN_SIGMA_PX, ALIEN_COUNTS = (0.2, 30, -35), (2.0, 2.5, 2.5), 3e5  # the first in scans


def measure_cleaning(
    frames: int = 128, detector: str = "maxipix", repeats: int = 3, dtype: str = "uint32", seed: int = 0
) -> dict[str, Any]:
    """Rates in frames per second of CPU time, best of `repeats`, compiled beforehand: all steps, each alone, prepare().

    Keys: shape, dtype, frames, cleaning_hz, prepare_hz, uncleaned_hz, steps_hz {name: hz}, found {name: counts}.
    """
    curve = spoiled_curve(frames, detector, dtype, seed)
    options = PrepareOptions()
    steps = {
        name: _rate(lambda name=name: cleaned(curve, replace(options, cleaning=(name,))), frames, repeats)  # type: ignore[misc]
        for name in ALL_STEPS
    }
    return {
        "shape": list(curve.mask.shape),
        "dtype": dtype,
        "frames": frames,
        "cleaning_hz": _rate(lambda: cleaned(curve, options), frames, repeats),
        "prepare_hz": _rate(lambda: prepare(curve, options), frames, repeats),
        "uncleaned_hz": _rate(lambda: prepare(curve, replace(options, cleaning=())), frames, repeats),
        "steps_hz": steps,
        "found": {step.name: step.counts_removed for step in cleaned(curve, options).steps},
    }


def spoiled_curve(frames: int, detector: str = "maxipix", dtype: str = "uint32", seed: int = 0) -> RockingCurve:
    """A simulated crystal with an alien, hot pixels, zingers and a flat background."""
    beamline = load_beamline("id01")
    posed, mask = beamline.detector(detector)
    curve, truth = simulate_curve(
        beamline.diffractometer, posed, mask, BRAGG_DEG, "eta", 0.7 / frames, frames, 9000.0, 300e-9, 2.0, 1e7, seed
    )
    rng = np.random.default_rng(seed)
    counts = curve.intensity.astype(np.float32)
    for frame in counts:
        frame += rng.poisson(BACKGROUND_COUNTS, frame.shape)
    at = np.array(truth.volume.peak_px) + np.array(ALIEN_OFFSET) * (frames, 1, 1)
    size = zip(counts.shape, at, ALIEN_SIGMA_PX, strict=True)
    lines = [np.exp(-0.5 * ((np.arange(n) - a) / s) ** 2) for n, a, s in size]
    alien = [line / line.sum() for line in lines]
    near = tuple(np.flatnonzero(line > 1e-6) for line in alien)
    counts[np.ix_(*near)] += rng.poisson(
        ALIEN_COUNTS * np.einsum("i,j,k", *(line[i] for line, i in zip(alien, near, strict=True)))
    )
    rows, columns = (rng.integers(0, n, HOT_PIXELS) for n in mask.shape)
    counts[:, rows, columns] += rng.poisson(400, (frames, HOT_PIXELS))
    counts[tuple(rng.integers(0, n, ZINGERS) for n in counts.shape)] += 500
    counts[:, mask] = 0
    return replace(curve, intensity=counts.astype(dtype))


def _rate(work: Callable[[], object], frames: int, repeats: int) -> float:
    work()  # compiles
    spent = []
    for _ in range(repeats):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return frames / min(spent)
