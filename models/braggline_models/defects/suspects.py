"""Everything in a map that may be a defect, with what was measured of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, map_coordinates

from braggline_models.defects.character import Character, character_of
from braggline_models.defects.core import Core, fitted_core
from braggline_models.defects.lines import DEEPEST_VOXELS, SHORTEST_VOXELS, filled, find_lines
from braggline_models.defects.planes import DarkPlane, darkest_plane
from braggline_models.geometry.lattice import Indices
from braggline_models.results import Defect, DefectReport, StrainField

NONE, STACKING_FAULT, TWIN = "none", "stacking_fault", "twin"
WIDE, NARROW = (0.3, 3.0, 8.0), (0.2, 2.5, 5.0)  # tubes: share of the crystal's diameter, least and most voxels

FAULT_STEP_RAD = 2 * np.pi / 3  # g.R of a/6 <112> is a third of a turn, or none
STEP_OFF_RAD = 0.6
FAULT_CONTRAST, FAULT_COHERENCE = 0.2, 0.7
TWIN_CONTRAST, TWIN_DARK = 0.3, 0.55  # upper quartile of the amplitude: dark all over, as no line's core is
TWIN_STEP_RAD = 0.6


@dataclass(frozen=True)
class Crystal:
    """Of the crystal as a whole: diameter in voxels, spread of the amplitude, phase step from voxel to voxel (rad)."""

    diameter: float
    spread: float
    steepness: float


@dataclass(frozen=True)
class Suspect:
    """A line or the darkest plane; `clear` where find_lines would tell it too.

    depth, length  in voxels;  tilt  |cos| of the plane's normal and Q
    rival  of a line: contrast, coherence and step of the darkest plane; of the plane: number of lines, length of the
           longest over the diameter, its depth in voxels
    """

    defect: Defect
    crystal: Crystal
    reflection: Indices | None
    clear: bool = True
    depth: float = 0.0
    length: float = 0.0
    cores: tuple[Core, Core] | None = None
    character: Character | None = None
    plane: DarkPlane | None = None
    tilt: float = 0.0
    rival: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def without_reflection(self) -> Suspect:
        """The same where nobody told the reflection."""
        if self.cores is None:
            return replace(self, reflection=None)
        return replace(self, reflection=None, character=character_of(self.cores[0], self.defect.g_dot_b))


def suspects(
    strain: StrainField, psi: NDArray[np.complex64], reflection: Indices | None = None, faint: bool = True
) -> tuple[Suspect, ...]:
    """All lines, `faint` ones too, and the darkest plane. psi (z, y, x) on the grid of `strain`, at any scale."""
    inside = strain.support
    scale = float(np.median(strain.amplitude[inside])) / max(float(np.median(np.abs(psi[inside]))), 1e-30)
    psi = (psi * np.float32(scale)).astype(np.complex64)
    crystal = _crystal(strain, psi)
    depth = distance_transform_edt(np.pad(filled(inside), 1))[1:-1, 1:-1, 1:-1]
    lines = find_lines(strain, psi, faint).lines
    found = [_line(line, strain, psi, crystal, depth, reflection) for line in lines]
    if (plane := darkest_plane(psi)) is None:
        return tuple(found)
    dark = (plane.contrast, float(plane.coherence.mean()), float(np.abs(plane.step_rad).mean()))
    longest = max(found, key=lambda each: each.length, default=None)
    wound = (0.0, 0.0, 0.0) if longest is None else (len(found), longest.length / crystal.diameter, longest.depth)
    last = replace(_plane(plane, strain, crystal, reflection), rival=wound)
    return (*(replace(each, rival=dark) for each in found), last)


def told_by_rule(found: Sequence[Suspect], faint: bool = False) -> DefectReport:
    """The report without anything learned: lines by their nearest slip system, planes by contrast and step."""
    lines = [_named(each) for each in found if each.plane is None and (faint or each.clear)]
    planes = [replace(each.defect, kind=kind) for each in found if (kind := plane_kind(each)) != NONE]
    return DefectReport(tuple(sorted(lines, key=lambda line: -line.confidence)), True, tuple(planes))


def plane_kind(suspect: Suspect) -> str:
    """A stacking fault is dark and steps by a third of a turn all over; a twin is darker and does not step."""
    plane = suspect.plane
    if plane is None:
        return NONE
    step, coherent = float(np.abs(plane.step_rad).mean()), float(plane.coherence.mean())
    if coherent < FAULT_COHERENCE:
        return NONE
    if plane.contrast > TWIN_CONTRAST and plane.quartiles[2] < TWIN_DARK and step < TWIN_STEP_RAD:
        return TWIN
    off = abs(step - FAULT_STEP_RAD)
    return STACKING_FAULT if plane.contrast > FAULT_CONTRAST and off < STEP_OFF_RAD else NONE


def _named(suspect: Suspect) -> Defect:
    assert suspect.character is not None
    return replace(
        suspect.defect, kind=suspect.character.kind, confidence=suspect.defect.confidence * suspect.character.confidence
    )


def _line(
    line: Defect,
    strain: StrainField,
    psi: NDArray[np.complex64],
    crystal: Crystal,
    depth: NDArray[np.float64],
    reflection: Indices | None,
) -> Suspect:
    wide, narrow = (
        fitted_core(psi, strain, line, float(np.clip(share * crystal.diameter, least, most)))
        for share, least, most in (WIDE, NARROW)
    )
    turns = max(line.g_dot_b, abs(round(wide.loop)))
    path = line.position_m / strain.voxel_size_m
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    below = float(map_coordinates(depth, path.T, order=1).max())
    return Suspect(
        replace(line, g_dot_b=turns), crystal, reflection,
        clear=length >= SHORTEST_VOXELS and below >= DEEPEST_VOXELS, depth=below, length=length,
        cores=(wide, narrow), character=character_of(wide, turns, reflection),
    )  # fmt: skip


def _plane(plane: DarkPlane, strain: StrainField, crystal: Crystal, reflection: Indices | None) -> Suspect:
    q = strain.q_bragg_per_m / np.linalg.norm(strain.q_bragg_per_m)
    x, y, z = (float(v) for v in plane.normal)
    turns = float(plane.step_rad.mean()) / (2 * np.pi)
    confidence = float(np.clip(plane.contrast, 0.0, 1.0) * plane.coherence.mean())
    defect = Defect(NONE, plane.points * strain.voxel_size_m, (x, y, z), turns, confidence)
    return Suspect(defect, crystal, reflection, plane=plane, tilt=abs(float(plane.normal @ q)))


def _crystal(strain: StrainField, psi: NDArray[np.complex64]) -> Crystal:
    inside = strain.support
    steps = [
        np.abs(np.angle(_next(psi, axis) * np.conj(_last(psi, axis))))[_next(inside, axis) & _last(inside, axis)]
        for axis in range(3)
    ]
    return Crystal(
        diameter=float(np.cbrt(6.0 / np.pi * inside.sum())),
        spread=float(np.abs(psi[inside]).std()),
        steepness=float(np.median(np.concatenate(steps))) if inside.any() else 0.0,
    )


def _next(values: NDArray, axis: int) -> NDArray:
    return np.take(values, range(1, values.shape[axis]), axis=axis)


def _last(values: NDArray, axis: int) -> NDArray:
    return np.take(values, range(values.shape[axis] - 1), axis=axis)
