"""Crystals to train on: drawn from a range, with everything known of them.

    crystal = drawn_crystal(32, np.random.default_rng(7), CrystalRange())
    seen = seen_by_detector(crystal.expected, rng, drawn_flaws(crystal.expected, FlawRange(), rng))
    volume = crystal.prepared(seen.counts, seen.gap)

`object_` is what a perfect reconstruction finds; `expected` the counts without noise; `defects` all that was planted.
The shape (with orientation, defects, counts) and the displacement have generators of their own, so that seeds can be
split by shape and by field.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from braggline_models.geometry.lattice import Indices
from braggline_models.geometry.materials import material
from braggline_models.scan import BoolArray, PreparedVolume
from braggline_models.simulate.box import Box, box_around
from braggline_models.simulate.crystal_range import CrystalRange
from braggline_models.simulate.field import matern_field, without_plane
from braggline_models.simulate.planted import PlantedDefect, Site, drawn_site, plant, told
from braggline_models.simulate.polyhedron import REACH, centered, drawn_polyhedron, rendered
from braggline_models.simulate.slip import fitting_systems
from braggline_models.simulate.spectrum import amplitude, blurred, object_of, scaled

DEFAULT = CrystalRange()
Q_STEP_PER_M = 1e7  # of the axis along which the crystal has the most voxels


@dataclass(frozen=True)
class DrawnCrystal:
    """One crystal, (n, n, n) with axes (frame, row, column) and the center at n // 2.

    object_      complex64, phase = +Q.u, cropped in q from a finer grid
    expected     float32 counts without noise, blurred by partial coherence
    support      bool, density above one half;  phase_rad  float32 g.u as planted, not wrapped, 0 outside
    vectors_m    (3, 3) column k is the step of the object along axis k;  q_step_per_m  that of the counts, as voxels
    axes         (3, 3) columns are the crystal's [100], [010], [001] in the same frame, in which Q is axes @ hkl
    size_voxels  diameter along the axis where it is largest
    """

    object_: NDArray[np.complex64]
    expected: NDArray[np.float32]
    support: BoolArray
    phase_rad: NDArray[np.float32]
    material: str
    reflection: Indices
    axes: NDArray[np.float64]
    vectors_m: NDArray[np.float64]
    q_step_per_m: NDArray[np.float64]
    defects: tuple[PlantedDefect, ...]
    size_voxels: float
    phase_range_rad: float
    photons: float
    coherence_sigma_px: tuple[float, float, float]

    @property
    def q_bragg_per_m(self) -> NDArray[np.float64]:
        """Q = 2 pi / a axes @ hkl, (3,)."""
        per_m = 2 * np.pi / material(self.material).lattice_parameter_m
        return np.asarray(per_m * (self.axes @ np.array(self.reflection, float)))

    def prepared(
        self, counts: NDArray[np.generic], mask: BoolArray | None = None, name: str = "drawn"
    ) -> PreparedVolume:
        """`counts` as phase retrieval takes them; mask (n, n, n) or what spreads to it, True where unknown."""
        n = len(self.object_)
        unknown = np.zeros(counts.shape, bool) if mask is None else np.broadcast_to(mask, counts.shape).copy()
        return PreparedVolume(
            name, np.where(unknown, 0, counts).astype(np.float32), unknown, (0, 0, 0), (1, 1, 1), (n // 2,) * 3,
            self.q_bragg_per_m, self.q_step_per_m, frames_expected=n, frames_used=n,
        )  # fmt: skip


def drawn_crystal(
    n: int,
    rng: np.random.Generator,
    range_: CrystalRange = DEFAULT,
    field: np.random.Generator | None = None,
) -> DrawnCrystal:
    """A crystal of `range_` on n^3 voxels. field: the displacement's own generator; by default `rng` is its too."""
    name = range_.materials[int(rng.integers(len(range_.materials)))]
    hkl = range_.reflections[int(rng.integers(len(range_.reflections)))]
    q_step = _q_step(range_, rng)
    vectors_m = 2 * np.pi * np.linalg.inv(q_step).T / n
    axes = Rotation.random(rng=rng).as_matrix() if range_.free_q else _axes_about(hkl, rng)
    voxel_m = 1.0 / float(np.linalg.norm(np.linalg.inv(vectors_m), axis=1).max())
    size = float(rng.uniform(*range_.size)) * n
    sites = _sites(range_, hkl, axes, size * voxel_m, rng)
    box = box_around(vectors_m / range_.finer, REACH * size * voxel_m, range_.finer)
    span = float(rng.uniform(*range_.phase_range_rad))
    density, phase = _smooth(range_, box, size * voxel_m, span, axes, hkl, rng, rng if field is None else field)
    for site in sites:
        plant(site, density, phase, box, axes, hkl, name)
    phase[density == 0] = 0.0
    psi = density * np.exp(1j * phase)
    spectrum = amplitude(psi, box, (n, n, n), range_.finer)
    photons = float(np.exp(rng.uniform(*np.log(range_.photons))))
    s0, s1, s2 = (float(s) for s in rng.uniform(*range_.coherence_sigma_px, 3))
    intensity = np.square(spectrum.real) + np.square(spectrum.imag)
    middle = np.full(3, n // 2)
    return DrawnCrystal(
        object_of(spectrum, range_.finer), scaled(blurred(intensity, (s0, s1, s2)), photons),
        _sampled(density, box, n, range_.finer) > 0.5, _sampled(phase, box, n, range_.finer),
        name, hkl, axes, vectors_m, q_step,
        tuple(told(site, hkl, axes, vectors_m, middle, size * voxel_m) for site in sites),
        size, span, photons, (s0, s1, s2),
    )  # fmt: skip


def _q_step(range_: CrystalRange, rng: np.random.Generator) -> NDArray[np.float64]:
    """Frames step across Q, rows at the Bragg angle from -Q, columns across both: x, y, z with z along Q."""
    theta = np.radians(rng.uniform(*range_.bragg_deg))
    rows, columns = rng.uniform(*range_.steps, 2)
    directions = np.array([[1.0, 0.0, 0.0], [np.sin(theta), 0.0, -np.cos(theta)], [0.0, 1.0, 0.0]])
    return np.asarray(Q_STEP_PER_M * (directions * np.array([[1.0], [rows], [columns]])).T)


def _axes_about(hkl: Indices, rng: np.random.Generator) -> NDArray[np.float64]:
    """Crystal axes with hkl along z and a random turn about it."""
    g = np.array(hkl, float) / np.linalg.norm(hkl)
    across = np.linalg.svd(g[None])[2][1:]
    upright = np.stack([across[0], np.cross(g, across[0]), g])
    return np.asarray(Rotation.from_rotvec([0.0, 0.0, rng.uniform(0, 2 * np.pi)]).as_matrix() @ upright)


def _sites(
    range_: CrystalRange, hkl: Indices, axes: NDArray[np.float64], diameter: float, rng: np.random.Generator
) -> list[Site]:
    kinds, odds = zip(*range_.defects, strict=True)
    share = np.array(odds, float) / sum(odds)
    sites = []
    for _ in range(2 if rng.random() < range_.second_defect else 1):
        kind = kinds[int(rng.choice(len(kinds), p=share))]
        hidden = kind not in ("none", "twin") and rng.random() < range_.invisible
        if kind != "none":
            hidden = hidden and bool(fitting_systems(kind, False, hkl))  # 2 0 0 sees every fault
            sites.append(drawn_site(kind, not hidden, hkl, axes, diameter, rng))
    return sites


def _smooth(
    range_: CrystalRange,
    box: Box,
    diameter: float,
    span: float,
    axes: NDArray[np.float64],
    hkl: Indices,
    rng: np.random.Generator,
    field: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Density and the phase of the smooth displacement, which runs over `span` inside."""
    shape = drawn_polyhedron(diameter, rng.random() < range_.cut, rng).turned(axes)
    shape = centered(shape, box)
    g = axes @ (np.array(hkl, float) / np.linalg.norm(hkl))
    density, relaxed = rendered(shape, box, g, float(rng.uniform(*range_.relaxation_depth)) * diameter)
    share = float(rng.uniform(*range_.relaxation))
    inside = density > 0.5
    wave = _unit(matern_field(box, float(rng.uniform(*range_.length)) * diameter, field), inside)
    phase = _unit((1.0 - share) * wave + share * _unit(relaxed, inside), inside)
    return density, np.float32(span) * phase


def _unit(values: NDArray[np.float32], inside: BoolArray) -> NDArray[np.float32]:
    """Without its mean gradient inside, over which it then runs by 1."""
    flat = without_plane(values, inside)
    return flat / np.float32(max(float(np.ptp(flat[inside])), 1e-9))


def _sampled(fine: NDArray[np.float32], box: Box, n: int, finer: int) -> NDArray[np.float32]:
    """Every `finer`th voxel, placed in the whole volume."""
    whole = np.zeros((n, n, n), np.float32)
    cut = fine[::finer, ::finer, ::finer]
    starts = [n // 2 + first // finer for first in box.first]
    into = tuple(slice(max(s, 0), min(s + size, n)) for s, size in zip(starts, cut.shape, strict=True))
    out = tuple(slice(w.start - s, w.stop - s) for w, s in zip(into, starts, strict=True))
    whole[into] = cut[out]
    return whole
