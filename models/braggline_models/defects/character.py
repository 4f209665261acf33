"""Screw, edge or mixed: told by Q, the line and the phase around it, without learning."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from braggline_models.defects.core import Core
from braggline_models.geometry.lattice import Indices
from braggline_models.simulate.slip import DISLOCATIONS, fitting_systems

ANGLE_RAD = 0.12  # by which the direction of a found line is off, rms
EDGE_TURNS = 0.2  # by which the edge part is off besides its own standard deviation
ACROSS_TURNS = 0.4
WRONG_TURNS = 4.0  # chi squared of a winding that is not the system's
EDGE_SHARE = {"screw": 0.0, "edge": 1.0, "mixed": 0.5}  # of the winding, where the reflection is not known
FARTHEST = 25.0  # misfit beyond which all are alike


@dataclass(frozen=True)
class Character:
    """kind and how sure of it, 0..1; misfits (3,) of screw, edge and mixed: chi squared of the best system of each."""

    kind: str
    confidence: float
    misfits: NDArray[np.float64]


def character_of(core: Core, turns: float, reflection: Indices | None = None) -> Character:
    """The kind whose best system lies nearest to what was measured: angle to Q, winding, edge part, part across.

    For an fcc crystal b = a/2 <110> and the line <110> or <112> lie in one {111} plane; the four numbers of each such
    system are known once the reflection is, whatever the turn of the crystal about Q. Without a reflection a screw has
    no edge part, an edge nothing but that, and everything between is mixed.
    """
    misfits = np.array([_misfit(core, turns, kind, reflection) for kind in DISLOCATIONS])
    likelihood = np.exp(-0.5 * (misfits - misfits.min()))
    best = int(np.argmin(misfits))
    return Character(DISLOCATIONS[best], float(likelihood[best] / likelihood.sum()), np.minimum(misfits, FARTHEST))


def _misfit(core: Core, turns: float, kind: str, reflection: Indices | None) -> float:
    n = max(1.0, round(turns))
    if reflection is None:
        return float(np.square((core.edge - n * EDGE_SHARE[kind]) / np.hypot(core.edge_sd, EDGE_TURNS)))
    systems = known_systems(kind, _sorted(reflection))
    if not len(systems):
        return FARTHEST
    angle = (np.arccos(np.clip(systems[:, 0], 0.0, 1.0)) - np.arccos(np.clip(core.along, 0.0, 1.0))) / ANGLE_RAD
    edge = (core.edge - systems[:, 2]) / np.hypot(core.edge_sd, EDGE_TURNS)
    across = (abs(core.across) - systems[:, 3]) / np.hypot(core.across_sd, ACROSS_TURNS)
    return float(np.min(angle**2 + edge**2 + across**2 + WRONG_TURNS * (systems[:, 1] != n)))


def _sorted(reflection: Indices) -> Indices:
    """Of its family, all of which see the same."""
    h, k, l = sorted((abs(v) for v in reflection), reverse=True)  # noqa: E741
    return h, k, l


@cache
def known_systems(kind: str, reflection: Indices) -> NDArray[np.float64]:
    """(n, 4): |cos| of line and Q, winding, edge part and |part across| of all systems that the reflection sees."""
    g, rows = np.array(reflection, float), set()
    for system in fitting_systems(kind, True, reflection):
        turns = system.g_dot_b(reflection)
        edge = system.burgers - (system.burgers @ system.line) * system.line
        across = float(np.cross(edge, g) @ system.line)
        along = abs(float(g @ system.line)) / float(np.linalg.norm(g))
        row = (along, abs(turns), float(edge @ g) * np.sign(turns), abs(across))
        rows.add(tuple(round(float(v), 6) + 0.0 for v in row))
    return np.array(sorted(rows)).reshape(-1, 4)
