"""A crystal down to its last number but the random field: what the simulator puts on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from braggline_models.geometry.lattice import Indices
from braggline_models.scan import BoolArray
from braggline_models.simulate.box import Box
from braggline_models.simulate.crystal_range import CrystalRange
from braggline_models.simulate.field import matern_field, without_plane
from braggline_models.simulate.planted import Site, plant
from braggline_models.simulate.polyhedron import Polyhedron, centered, drawn_polyhedron, rendered


@dataclass(frozen=True)
class CrystalModel:
    """shape in the frame of the grid, its origin anywhere; lengths in the grid's unit; the rest as in CrystalRange.

    axes  (3, 3) columns are the crystal's [100], [010], [001];  sites  of its defects, about the centroid
    """

    material: str
    reflection: Indices
    axes: NDArray[np.float64]
    shape: Polyhedron
    phase_range_rad: float
    length: float
    relaxation: float
    relaxation_depth: float
    sites: tuple[Site, ...]


def drawn_model(
    range_: CrystalRange,
    shape: str,
    material: str,
    reflection: Indices,
    axes: NDArray[np.float64],
    diameter: float,
    phase_range_rad: float,
    sites: Sequence[Site],
    rng: np.random.Generator,
) -> CrystalModel:
    """A crystal of that shape and size; length, relaxation and its depth of `range_`."""
    polyhedron = drawn_polyhedron(diameter, shape, rng).turned(axes)
    depth, share, length = (
        float(rng.uniform(*span)) for span in (range_.relaxation_depth, range_.relaxation, range_.length)
    )
    return CrystalModel(
        material, reflection, axes, polyhedron, phase_range_rad, length * diameter, share, depth * diameter,
        tuple(sites),
    )  # fmt: skip


def density_and_phase(
    model: CrystalModel, box: Box, field: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Density 0..1, its centroid at the origin, and phase g.u in rad, 0 outside: float32 of the box's shape."""
    shape = centered(model.shape, box)
    g = model.axes @ (np.array(model.reflection, float) / np.linalg.norm(model.reflection))
    density, relaxed = rendered(shape, box, g, model.relaxation_depth)
    inside = density > 0.5
    wave = _unit(matern_field(box, model.length, field), inside)
    surface = _unit(relaxed, inside)
    phase = _unit((1.0 - model.relaxation) * wave + model.relaxation * surface, inside)
    phase *= np.float32(model.phase_range_rad)
    for site in model.sites:
        plant(site, density, phase, box, model.axes, model.reflection, model.material)
    phase[density == 0] = 0.0
    return density, phase


def _unit(values: NDArray[np.float32], inside: BoolArray) -> NDArray[np.float32]:
    """Without its mean gradient inside, over which it then runs by 1."""
    flat = without_plane(values, inside)
    return flat / np.float32(max(float(np.ptp(flat[inside])), 1e-9))


def axes_along(reflection: Indices, q: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Crystal axes with the reflection along q and a random turn about it."""
    g, along = (v / np.linalg.norm(v) for v in (np.array(reflection, float), q))
    tilt, _ = Rotation.align_vectors(along[None], g[None])
    return np.asarray((Rotation.from_rotvec(rng.uniform(0, 2 * np.pi) * along) * tilt).as_matrix())
