"""A sample with many crystals on a substrate: what a map by a nano-beam runs over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from braggline_models.errors import BadInput
from braggline_models.geometry.lattice import Indices
from braggline_models.simulate.crystal_range import Odds, Span
from braggline_models.simulate.planted import Site, drawn_defect, drawn_site

SPECIMEN_ODDS: Odds = (("none", 5), ("screw", 1), ("edge", 1), ("mixed", 1), ("stacking_fault", 1), ("twin", 1))


@dataclass(frozen=True)
class Island:
    """One crystal of a specimen.

    pix_um, piy_um  where the motors stand when it is in the beam;  size_m  its diameter
    tilt_deg  (about the rocking axis, sideways) of its planes from the mean: off the rocking angle, along the detector
    strain    of its mean lattice along Q;  phase_range_rad  of its smooth displacement;  defects  kinds, with visible
    seed      of its shape, turn about Q, displacement and the places of its defects
    """

    pix_um: float
    piy_um: float
    size_m: float
    tilt_deg: tuple[float, float]
    strain: float
    phase_range_rad: float
    defects: tuple[tuple[str, bool], ...]
    shape: str
    seed: int


@dataclass(frozen=True)
class Substrate:
    """background  counts a pixel and frame, diffuse;  streak  counts of the brightest pixel of its truncation rod, that
    crosses the detector along the rows at `column_px` and fades from `row_px` with the square of the distance."""

    background: float = 0.005
    streak: float = 0.0
    column_px: float = 0.0
    row_px: float = 0.0
    width_px: float = 1.2
    fading_px: float = 15.0


@dataclass(frozen=True)
class Specimen:
    """All of one material (its symbol), standing on the same planes."""

    material: str
    reflection: Indices
    islands: tuple[Island, ...]
    substrate: Substrate


@dataclass(frozen=True)
class SpecimenRange:
    """What islands are drawn from.

    size_m  even in the logarithm;  tilt_deg, strain  rms of both tilts, and of the mean lattice along Q
    phase_range_rad  uniform;  defects, second_defect, invisible  as in CrystalRange;  cut  share on a substrate's face
    clustered  share of the islands that stand next to another one
    """

    size_m: Span = (100e-9, 500e-9)
    tilt_deg: float = 0.06
    strain: float = 3e-4
    phase_range_rad: Span = (0.5, 9.0)
    defects: Odds = SPECIMEN_ODDS
    second_defect: float = 0.1
    invisible: float = 0.15
    cut: float = 0.8
    clustered: float = 0.15


DEFAULT, CLEAN = SpecimenRange(), Substrate()


def drawn_specimen(
    n: int,
    center_um: tuple[float, float],
    field_um: tuple[float, float],
    rng: np.random.Generator,
    range_: SpecimenRange = DEFAULT,
    material: str = "Pt",
    reflection: Indices = (1, 1, 1),
    substrate: Substrate = CLEAN,
) -> Specimen:
    """`n` islands anywhere in a field (pix, piy) about its center; no two nearer than the sum of their radii."""
    places: list[tuple[float, float]] = []
    islands: list[Island] = []
    for _ in range(n):
        size = float(np.exp(rng.uniform(*np.log(range_.size_m))))
        place = _free_place(places, [i.size_m for i in islands], size, center_um, field_um, range_.clustered, rng)
        places.append(place)
        tilt = (float(rng.normal(0, range_.tilt_deg)), float(rng.normal(0, range_.tilt_deg)))
        shape = "cut" if rng.random() < range_.cut else "wulff"
        strain, phase = float(rng.normal(0, range_.strain)), float(rng.uniform(*range_.phase_range_rad))
        defects = _drawn_defects(range_, reflection, rng)
        islands.append(Island(*place, size, tilt, strain, phase, defects, shape, int(rng.integers(2**31))))
    return Specimen(material, reflection, tuple(islands), substrate)


def _drawn_defects(
    range_: SpecimenRange, reflection: Indices, rng: np.random.Generator
) -> tuple[tuple[str, bool], ...]:
    number = 2 if rng.random() < range_.second_defect else 1
    drawn = (drawn_defect(range_.defects, range_.invisible, reflection, rng) for _ in range(number))
    return tuple(defect for defect in drawn if defect)


def sites_of(island: Island, reflection: Indices, axes: NDArray[np.float64], rng: np.random.Generator) -> list[Site]:
    """Where its defects are."""
    return [drawn_site(k, v, reflection, axes, island.size_m, rng) for k, v in island.defects]


def lattice_vector(island: Island, q_per_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """G of the island in the sample frame: the specimen's Q tilted about -y, then about x, and strained."""
    turn = Rotation.from_rotvec(np.radians(island.tilt_deg[0]) * np.array([0.0, -1.0, 0.0]))
    side = Rotation.from_rotvec(np.radians(island.tilt_deg[1]) * np.array([1.0, 0.0, 0.0]))
    return np.asarray((side * turn).apply(q_per_m) / (1.0 + island.strain))


def _free_place(
    places: Sequence[tuple[float, float]],
    sizes_m: Sequence[float],
    size_m: float,
    center_um: tuple[float, float],
    field_um: tuple[float, float],
    clustered: float,
    rng: np.random.Generator,
) -> tuple[float, float]:
    for _ in range(200):
        offset = rng.uniform(-0.5, 0.5, 2) * field_um
        place = (center_um[0] + float(offset[0]), center_um[1] + float(offset[1]))
        if places and rng.random() < clustered:
            near = int(rng.integers(len(places)))
            angle, gap = rng.uniform(0, 2 * np.pi), 0.5e6 * (size_m + sizes_m[near]) * rng.uniform(1.0, 1.5)
            place = (places[near][0] + gap * float(np.cos(angle)), places[near][1] + gap * float(np.sin(angle)))
        apart = [np.hypot(place[0] - x, place[1] - y) for x, y in places]
        if all(d >= 0.5e6 * (size_m + s) for d, s in zip(apart, sizes_m, strict=True)):
            return place
    raise BadInput(f"{len(places) + 1} islands do not fit into {field_um[0]:g} x {field_um[1]:g} um; take fewer")
