"""A suspect as the numbers that the network sees, each of the order of 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from braggline_models.defects.core import Core
from braggline_models.defects.planes import DarkPlane
from braggline_models.defects.suspects import Crystal, Suspect
from braggline_models.geometry.lattice import Indices

FAMILIES: tuple[Indices, ...] = ((1, 1, 1), (2, 0, 0), (2, 2, 0))
TILTS = {(1, 1, 1): [1 / 3], (2, 0, 0): [3**-0.5], (2, 2, 0): [(2 / 3) ** 0.5]}  # |cos| of Q and planes that it sees
BEFORE = 4  # is it a plane, and what is asked of the crystal
LINE_VALUES = 38
PLANE_VALUES = 34
FEW_POINTS = 30
MOST = 4.0  # beyond, a number says no more


def values_of(suspect: Suspect) -> NDArray[np.float32]:
    """[is a plane, crystal (3), line (LINE_VALUES), plane (PLANE_VALUES)], zeros for what it is not."""
    line, plane = np.zeros(LINE_VALUES), np.zeros(PLANE_VALUES)
    about = [*_crystal(suspect.crystal), *_family(suspect.reflection)]
    if suspect.plane is None:
        line[:] = [*about, *_line(suspect)]
    else:
        plane[:] = [*about, *_plane(suspect.plane, suspect)]
    is_plane = [float(suspect.plane is not None)]
    values = np.concatenate([is_plane, _crystal(suspect.crystal), line, plane])
    return np.clip(np.nan_to_num(values, nan=MOST), -MOST, MOST).astype(np.float32)


def _crystal(crystal: Crystal) -> list[float]:
    return [np.log(crystal.diameter / 16.0), 4.0 * crystal.spread, 4.0 * crystal.steepness]


def _family(reflection: Indices | None) -> list[float]:
    """Which of FAMILIES; none where it is another or not told."""
    if reflection is None:
        return [0.0] * len(FAMILIES)
    return [float(_sorted(reflection) == each) for each in FAMILIES]


def _sorted(reflection: Indices) -> Indices:
    h, k, l = sorted((abs(v) for v in reflection), reverse=True)  # noqa: E741
    return h, k, l


def _line(suspect: Suspect) -> list[float]:
    assert suspect.cores is not None
    assert suspect.character is not None
    line, wide = suspect.defect, suspect.cores[0]
    return [
        wide.along, wide.along**2, line.g_dot_b - 1.0, wide.loop, wide.dark, line.confidence,
        suspect.depth / 4.0, suspect.length / suspect.crystal.diameter, suspect.length / 8.0,
        *(value for core in suspect.cores for value in _core(core)),
        *(0.5 * np.sqrt(suspect.character.misfits)), suspect.character.confidence,
        2.0 * suspect.rival[0], suspect.rival[1], suspect.rival[2] - 2.0,
    ]  # fmt: skip


def _core(core: Core) -> list[float]:
    return [
        core.edge, abs(core.across), core.edge_sd, core.across_sd, 3.0 * core.misfit_rad, 0.3 * core.bend_rad,
        min(core.points / 300.0, 2.0) - 1.0, float(core.points > FEW_POINTS),
    ]  # fmt: skip


def _plane(plane: DarkPlane, suspect: Suspect) -> list[float]:
    tilts = [] if suspect.reflection is None else TILTS.get(_sorted(suspect.reflection), [])
    off = min((abs(np.arccos(t) - np.arccos(min(1.0, suspect.tilt))) for t in tilts), default=0.5)
    step = np.abs(plane.step_rad)
    sides = max(float(plane.profile.max()), 1e-3)
    return [
        4.0 * plane.contrast, 2.0 * plane.section - 1.0, *(2.0 * plane.quartiles / sides - 1.0),
        *(2.0 * plane.profile / sides - 1.0), *(2.0 * plane.coherence - 1.0), *(step - 2.0),
        *np.cos(step), *np.sin(step), suspect.tilt, 2.0 * off, 4.0 * (plane.quartiles[2] - plane.quartiles[0]),
        min(len(plane.points) / 100.0, 3.0), float(bool(tilts)),
        0.5 * suspect.rival[0], suspect.rival[1], 0.3 * suspect.rival[2],
    ]  # fmt: skip
