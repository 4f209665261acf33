"""The broken lattices of an fcc metal: slip systems, faults and twins, in units of the cubic cell's edge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.geometry.lattice import Indices

DISLOCATIONS = ("screw", "edge", "mixed")
PLANAR = ("stacking_fault", "twin")
KINDS = (*DISLOCATIONS, *PLANAR)
PLANES = np.array([[1, 1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]], float)
ALONG = 1e-6  # of a cosine: parallel or perpendicular


@dataclass(frozen=True)
class SlipSystem:
    """kind; plane {111} normal; burgers a/2 <110> or, for a fault, R = a/6 <112>, 0 for a twin; line <110> or <112>.

    A planar defect's line is its plane's normal. All (3,) in the crystal's axes; normal and line are unit vectors.
    """

    kind: str
    plane: NDArray[np.float64]
    burgers: NDArray[np.float64]
    line: NDArray[np.float64]

    def seen_by(self, reflection: Indices) -> bool:
        """g.b, or g.R, is not a whole number of turns that leaves no trace; a twin's own lattice has no such peak."""
        if self.kind == "twin":
            return not twin_shares(self.plane, reflection)
        turns = self.g_dot_b(reflection)
        return abs(turns - round(turns)) > ALONG if self.kind == "stacking_fault" else abs(turns) > ALONG

    def g_dot_b(self, reflection: Indices) -> float:
        """In turns of 2 pi: the winding number of a dislocation, the step of a fault."""
        return round(float(np.dot(reflection, self.burgers)), 9)


@cache
def slip_systems(kind: str) -> tuple[SlipSystem, ...]:
    """All of a kind: b and line within one {111} plane, both signs of b. BadInput for an unknown kind."""
    if kind not in KINDS:
        raise BadInput(f"defect '{kind}' is unknown; take one of {', '.join(KINDS)}")
    planes = [p / np.linalg.norm(p) for p in PLANES]
    if kind == "twin":
        return tuple(SlipSystem(kind, p, np.zeros(3), p) for p in planes)
    if kind == "stacking_fault":
        return tuple(SlipSystem(kind, p, shift / 6.0, p) for p in planes for shift in _within(p, (1, 1, 2)))
    found = []
    for plane in planes:
        for b in _within(plane, (0, 1, 1)):
            for family in ((0, 1, 1), (1, 1, 2)):
                lines = [v / np.linalg.norm(v) for v in _within(plane, family)]
                found += [SlipSystem(kind, plane, b / 2.0, line) for line in lines if character(b, line) == kind]
    return tuple(found)


def character(burgers: NDArray[np.float64], line: NDArray[np.float64]) -> str:
    """screw, edge or mixed, by the angle between b and the line."""
    cosine = abs(float(burgers @ line)) / float(np.linalg.norm(burgers) * np.linalg.norm(line))
    return "screw" if cosine > 1 - ALONG else "edge" if cosine < ALONG else "mixed"


@cache
def fitting_systems(kind: str, visible: bool, reflection: Indices) -> tuple[SlipSystem, ...]:
    """All of the kind that the reflection sees, or all that it does not; there may be none."""
    return tuple(system for system in slip_systems(kind) if system.seen_by(reflection) == visible)


def drawn_system(kind: str, visible: bool, reflection: Indices, rng: np.random.Generator) -> SlipSystem:
    """One of the kind that the reflection sees, or one that it does not. BadInput where there is none."""
    fitting = fitting_systems(kind, visible, reflection)
    if not fitting:
        hkl = " ".join(map(str, reflection))
        raise BadInput(f"no {kind} is {'visible' if visible else 'invisible'} in {hkl}; take another reflection")
    return fitting[int(rng.integers(len(fitting)))]


def twin_shares(plane: NDArray[np.float64], reflection: Indices) -> bool:
    """True where the twin about `plane` (unit normal) has a reflection at g too: 2 n (n.g) - g is whole and unmixed."""
    g = np.array(reflection, float)
    turned = 2.0 * plane * float(plane @ g) - g
    whole = np.rint(turned)
    return bool(np.allclose(turned, whole, atol=1e-6) and len(set((whole % 2).tolist())) == 1)


def _within(plane: NDArray[np.float64], family: tuple[int, int, int]) -> list[NDArray[np.float64]]:
    """Vectors of the family <uvw>, both signs, that lie in the plane."""
    vectors = {tuple(np.multiply(p, s)) for p in set(permutations(family)) for s in product((-1, 1), repeat=3)}
    return [np.array(v, float) for v in sorted(vectors) if abs(float(np.dot(v, plane))) < ALONG]
