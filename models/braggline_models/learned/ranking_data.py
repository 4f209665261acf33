"""Crystals to be ranked: a candidate with what may lie beside it, its rocking curve, and how phasing it ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from braggline_models.phase_retrieval import Ensemble, Recipe
from braggline_models.phase_retrieval.align import agreement, aligned
from braggline_models.phase_retrieval.transfer import shell_correlation
from braggline_models.simulate.crystal_range import CrystalRange
from braggline_models.simulate.drawn import DrawnCrystal, drawn_crystal
from braggline_models.simulate.lit import moved

SIDE = 32
ENOUGH = 0.95  # complex correlation with the truth: a success
HALF = 0.5  # of the shell correlation with the truth: the resolution
NEIGHBOURS = 0.3  # odds that another crystal is near
APART_M = (80e-9, 500e-9)  # of two crystals across the beam
BEAM_SIGMA_M = 300e-9  # of the wide beam that a rocking curve is measured in
CURVE_BACKGROUND = (1e-4, 1e-2)  # counts a voxel, even in the logarithm
CRYSTALS = CrystalRange(
    size=(0.16, 0.46), phase_range_rad=(0.0, 8.0), photons=(2e4, 1e7),
    defects=(("none", 5), ("screw", 1), ("edge", 1), ("mixed", 1), ("stacking_fault", 1), ("twin", 1)),
)  # fmt: skip
# a third of the default recipe's time
PHASING = Recipe(
    runs=4, keep=1.0, refine="",
    schedule="HALF,(HIO**30,RAAR**10,SW)**4,SELECT,(HIO**30,RAAR**10,SW)**2,(RAAR**30,SW)**2,FULL,(RAAR**15,SW)**2,ER**15",
)  # fmt: skip


@dataclass(frozen=True)
class Neighbour:
    """Another crystal: place_m (u, v) from the candidate's across the beam, its peak offset_px (frame, row, column)
    from the candidate's."""

    crystal: DrawnCrystal
    place_m: tuple[float, float]
    offset_px: tuple[int, int, int]


@dataclass(frozen=True)
class Scene:
    """A candidate for a rocking curve, and the crystal beside it where there is one."""

    crystal: DrawnCrystal
    neighbour: Neighbour | None


@dataclass(frozen=True)
class Outcome:
    """How phasing ended: correlation with the truth, and the half period in m down to which it agrees."""

    correlation: float
    resolution_m: float


@lru_cache(maxsize=4096)
def scene(seed: int) -> Scene:
    """The scene of that seed: always the same."""
    rng = np.random.default_rng([seed, 1])
    crystal = drawn_crystal(SIDE, rng, CRYSTALS)
    if rng.random() >= NEIGHBOURS:
        return Scene(crystal, None)
    other = drawn_crystal(SIDE, rng, CRYSTALS)
    apart, towards = rng.uniform(*APART_M), rng.uniform(0, 2 * np.pi)
    frame, row, column = (int(k) for k in rng.integers(-12, 13, 3))
    place = (float(apart * np.cos(towards)), float(apart * np.sin(towards)))
    return Scene(crystal, Neighbour(other, place, (frame, row, column)))


def curve_counts(of: Scene, rng: np.random.Generator) -> NDArray[np.uint32]:
    """The rocking curve in the wide beam, centered on the candidate; the neighbour shines in from the beam's flank."""
    expected = of.crystal.expected + np.float32(np.exp(rng.uniform(*np.log(CURVE_BACKGROUND))))
    if of.neighbour is not None:
        lit = np.exp(-0.5 * np.square(np.linalg.norm(of.neighbour.place_m) / BEAM_SIGMA_M))
        expected = expected + np.float32(lit) * moved(of.neighbour.crystal.expected, of.neighbour.offset_px)
    return rng.poisson(expected).astype(np.uint32)


def phased(of: Scene, seed: int) -> Outcome:
    """The curve phased without knowing anything of the crystal, compared with it."""
    volume = of.crystal.prepared(curve_counts(of, np.random.default_rng([seed, 2])))
    ensemble = Ensemble(PHASING, 0, 1)
    ensemble.update(volume)
    for _ in ensemble.advance(PHASING.schedule):
        pass
    found, truth = ensemble.reconstruction(final=True).object_, of.crystal.object_
    return Outcome(agreement(found, truth), _resolution_m(found, truth, of.crystal.q_step_per_m))


def _resolution_m(
    found: NDArray[np.complex64], truth: NDArray[np.complex64], q_step_per_m: NDArray[np.float64]
) -> float:
    """pi / q of the first shell whose correlation is below a half."""
    shells = shell_correlation(aligned(found, truth)[0], truth, q_step_per_m)
    below = np.flatnonzero(shells < HALF)
    last = int(below[0]) if below.size else len(shells)
    width = float(np.linalg.norm(q_step_per_m, axis=0).max())
    return float(np.pi / (max(last, 1) * width))


def encoded(outcome: Outcome) -> str:
    """Four hexadecimal digits: correlation in 1/255, and 100 log10 of the resolution in nm."""
    resolution = round(100 * float(np.log10(1e9 * outcome.resolution_m)))
    return f"{round(255 * outcome.correlation):02x}{min(max(resolution, 0), 255):02x}"


def decoded(digits: str) -> Outcome:
    """What `encoded` made, to its digits."""
    return Outcome(int(digits[:2], 16) / 255, 10 ** (int(digits[2:], 16) / 100) * 1e-9)
