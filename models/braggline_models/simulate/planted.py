"""Defects planted in a crystal: where they are, what they are, and whether the reflection sees them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from braggline_models.geometry.lattice import Indices
from braggline_models.simulate.box import Box
from braggline_models.simulate.crystal_range import Odds
from braggline_models.simulate.elastic import POISSON_RATIO, add_line_phase
from braggline_models.simulate.slip import DISLOCATIONS, SlipSystem, drawn_system, fitting_systems

OFF_CENTER = 0.25  # of the diameter: a line or plane passes the centroid no farther than that
LAMELLA = (0.12, 0.3)  # thickness of a twin between two planes, over the diameter
LAMELLAS = 0.5  # of the twins; the others fill all beyond one plane


@dataclass(frozen=True)
class PlantedDefect:
    """One defect of a known crystal.

    kind       screw, edge, mixed, stacking_fault or twin: also where the reflection does not see it
    point      (3,) in voxels of the object's axes from voxel 0;  direction (3,) unit, in the same axes: the line's
               (the phase winds by 2 pi g.b right-handed about it), or the covector of a plane, which holds all v with
               direction.(v - point) = 0
    burgers    (3,) b of a dislocation, R of a fault, in the crystal's axes and units of the cell's edge; 0 for a twin
    plane      (3,) unit normal {111} in the crystal's axes: of slip, fault or twin
    g_dot_b    turns of 2 pi: the winding number, or the fault's step
    visible    in this reflection
    thickness  of a lamella of twin, in units of the diameter; infinite where the twin goes on to the surface
    """

    kind: str
    point: NDArray[np.float64]
    direction: NDArray[np.float64]
    burgers: NDArray[np.float64]
    plane: NDArray[np.float64]
    g_dot_b: float
    visible: bool
    thickness: float = np.inf

    @property
    def is_line(self) -> bool:
        return self.kind in DISLOCATIONS


@dataclass(frozen=True)
class Site:
    """Where a system sits, in the frame of the box and its unit: a point, and the lamella's thickness."""

    system: SlipSystem
    visible: bool
    point: NDArray[np.float64]
    thickness: float = np.inf


def drawn_defect(
    odds: Odds, invisible: float, reflection: Indices, rng: np.random.Generator
) -> tuple[str, bool] | None:
    """A kind, by `odds`, and whether the reflection sees it, which of a share it does not; None for none."""
    kinds, weights = zip(*odds, strict=True)
    kind = str(kinds[int(rng.choice(len(kinds), p=np.array(weights, float) / sum(weights)))])
    hidden = kind not in ("none", "twin") and rng.random() < invisible
    if kind == "none":
        return None
    return kind, not (hidden and fitting_systems(kind, False, reflection))  # 2 0 0 sees every fault


def drawn_site(
    kind: str,
    visible: bool,
    reflection: Indices,
    axes: NDArray[np.float64],
    diameter: float,
    rng: np.random.Generator,
) -> Site:
    """A system of that kind and visibility at a random place in the crystal's inner half. BadInput: there is none.

    axes: columns are the crystal's axes in the frame of the box.
    """
    system = drawn_system(kind, visible, reflection, rng)
    line = axes @ system.line
    offset = rng.uniform(-OFF_CENTER, OFF_CENTER, 3) * diameter
    if kind == "twin":
        if rng.random() < LAMELLAS:
            return Site(system, visible, offset @ line * line, float(rng.uniform(*LAMELLA)) * diameter)
        # all beyond the plane is the twin's: the smaller part
        side = 1.0 if rng.random() < 0.5 else -1.0
        system = replace(system, plane=side * system.plane, line=side * system.line)
        return Site(system, visible, side * abs(float(offset @ line)) * line)
    if kind == "stacking_fault":
        return Site(system, visible, offset @ line * line)
    return Site(system, visible, offset - offset @ line * line)


def plant(
    site: Site,
    density: NDArray[np.float32],
    phase: NDArray[np.float32],
    box: Box,
    axes: NDArray[np.float64],
    reflection: Indices,
    material: str,
) -> None:
    """The defect in density and phase, in place. The phase is 2 pi hkl.u, u in units of the cell's edge."""
    system = site.system
    if system.kind in DISLOCATIONS:
        g = 2 * np.pi * (axes @ np.array(reflection, float))
        line, b = axes @ system.line, axes @ system.burgers
        add_line_phase(phase, density > 0, box, site.point, line, b, g, POISSON_RATIO[material])
        return
    beyond = box.points @ (axes @ system.plane) - float(site.point @ (axes @ system.plane))
    if system.kind == "stacking_fault":
        phase += np.float32(2 * np.pi * system.g_dot_b(reflection)) * (beyond > 0)
    elif site.visible:
        twin = np.clip(beyond / box.voxel + 0.5, 0.0, 1.0)
        if np.isfinite(site.thickness):
            twin *= np.clip((site.thickness - beyond) / box.voxel + 0.5, 0.0, 1.0)
        density *= (1.0 - twin).astype(np.float32)


def told(
    site: Site,
    reflection: Indices,
    axes: NDArray[np.float64],
    vectors: NDArray[np.float64],
    middle: NDArray[np.int_] | NDArray[np.float64],
    diameter: float,
) -> PlantedDefect:
    """The truth of it in voxels of a grid of these `vectors` whose origin is voxel `middle`."""
    system = site.system
    to_voxels = np.linalg.inv(vectors)
    along = to_voxels @ (axes @ system.line) if system.kind in DISLOCATIONS else (axes @ system.plane) @ vectors
    return PlantedDefect(
        system.kind, to_voxels @ site.point + middle, along / np.linalg.norm(along), system.burgers, system.plane,
        system.g_dot_b(reflection), site.visible, site.thickness / diameter,
    )  # fmt: skip
