"""A simulated crystal: a cube with cut corners and a smooth displacement of 2 rad range. Needs no file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demo_beamline.samples.crystal import CrystalSample
from demo_beamline.samples.detectors import DetectorModel
from demo_beamline.samples.platinum import HOME, peak, window
from demo_beamline.samples.projection import Projection

VOLUME_SHAPE = (128, 210, 210)
OBJECT_SHAPE = (44, 70, 62)
PHASE_RANGE_RAD = 2.0
STEP_DEG = 0.0165
COUNTS = 1.0e7


def crystal(shape: tuple[int, int, int], phase_range_rad: float, seed: int) -> NDArray[np.complex64]:
    """(z, y, x): amplitude 1 inside the facets, phase -Q.u a smooth random quadratic form of the given range."""
    rng = np.random.default_rng((seed, 11))
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    inside = (abs(x) + abs(y) + abs(z) < 1.85) & (np.maximum(abs(x), np.maximum(abs(y), abs(z))) < 0.95)
    terms = np.stack([z * y, y * x, z * x, z**2, y**2, x**2, x, y, z])
    phase = np.tensordot(rng.normal(size=len(terms)), terms, 1)
    phase -= phase[inside].mean()
    phase *= phase_range_rad / np.ptp(phase[inside])
    return (inside * np.exp(-1j * phase)).astype(np.complex64)


def simulated(detector: DetectorModel, seed: int) -> CrystalSample:
    """The crystal before `detector`, at the motor positions of the platinum one."""
    return CrystalSample(
        "simulated",
        Projection(crystal(OBJECT_SHAPE, PHASE_RANGE_RAD, seed), window(detector, VOLUME_SHAPE)),
        HOME,
        detector,
        peak(detector),
        STEP_DEG,
        intervals=127,
        counts=COUNTS,
        seed=seed,
        energy_eV=1e3 * HOME["mononrj"],
    )
