"""One island as a detector at rest sees it, lit by a beam smaller than it may be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.geometry import bragg_geometry, rotation_product, voxel_vectors_m
from braggline_models.geometry.reciprocal import wavenumber_per_m
from braggline_models.simulate.box import Box, box_around
from braggline_models.simulate.crystal_range import CrystalRange
from braggline_models.simulate.curve import empty_curve
from braggline_models.simulate.model import axes_along, density_and_phase, drawn_model
from braggline_models.simulate.nano_beam import NanoBeam
from braggline_models.simulate.plan import ScanPlan
from braggline_models.simulate.planted import PlantedDefect, told
from braggline_models.simulate.polyhedron import REACH
from braggline_models.simulate.specimen import Island, Specimen, lattice_vector, sites_of

VOXEL_M = 9e-9  # about: a 100 nm crystal has 11 across
MOST_WINDOW_PX = 128
FAR = 2.5  # FWHM and radii between beam and crystal, from where the beam's tail is as good as flat


@dataclass(frozen=True)
class View:
    """The fixed angles of a map: q = q_bragg + M (s, row - row_0, column - column_0), s steps of the rocking circle.

    peak_px  of the specimen's mean lattice, in the middle of the rocking curve;  vectors_m (3, 3)  steps of the grid
    of `shape` that is conjugate to M;  to_lab (3, 3)  turns the sample frame into the laboratory
    """

    q_bragg_per_m: NDArray[np.float64]
    q_step_per_m: NDArray[np.float64]
    peak_px: tuple[float, float]
    vectors_m: NDArray[np.float64]
    shape: tuple[int, int, int]
    to_lab: NDArray[np.float64]


def view_of(scan: ScanPlan) -> View:
    """At the angles of `scan`, whose steps and number of frames do not matter."""
    distance = scan.detector.distance_m * 2 * np.pi / wavenumber_per_m(scan.energy_eV)
    rows, columns = (2 * round(0.5 * distance / (px * VOXEL_M)) for px in scan.detector.pixel_size_m)
    if min(rows, columns) < 16:
        raise BadInput("the detector's pixels see too little of q for crystals; move it nearer, or lower the energy")
    fine = replace(scan, n_frames=17, step_deg=1e-3)
    q_bragg, q_step = bragg_geometry(empty_curve(fine), (8.0, *map(float, scan.peak_px)))  # type: ignore[arg-type]
    frames = 2 * round(0.5 * rows)
    voxel = float(np.linalg.norm(voxel_vectors_m(q_step, (frames, rows, columns))[:, 1]))
    q_step = q_step * np.array([2 * np.pi / (frames * voxel * np.linalg.norm(q_step[:, 0])), 1.0, 1.0])
    angles = {name: float(value) for name, value in scan.bragg_deg.items()}
    shape = (frames, rows, columns)
    return View(
        q_bragg, q_step, (float(scan.peak_px[0]), float(scan.peak_px[1])), voxel_vectors_m(q_step, shape), shape,
        rotation_product(scan.diffractometer.sample_circles, angles),
    )  # fmt: skip


@dataclass(frozen=True)
class IslandView:
    """An island on the view's grid.

    psi  complex64 in `box`;  axes  as ever, in the sample frame;  at  (3,) steps of its own Bragg peak from the view's:
    s, row, column
    """

    island: Island
    view: View
    psi: NDArray[np.complex64]
    box: Box
    axes: NDArray[np.float64]
    defects: tuple[PlantedDefect, ...]
    at: NDArray[np.float64]

    @property
    def peak_px(self) -> tuple[float, float]:
        """Row and column at which it would peak, were it turned into its Bragg angle."""
        return self.view.peak_px[0] + float(self.at[1]), self.view.peak_px[1] + float(self.at[2])

    @property
    def corner_px(self) -> tuple[int, int]:
        """First row and column of `pattern` on the detector."""
        row, column = (round(p) - n // 2 for p, n in zip(self.peak_px, self.window_px, strict=True))
        return row, column

    @property
    def window_px(self) -> tuple[int, int]:
        return min(self.view.shape[1], MOST_WINDOW_PX), min(self.view.shape[2], MOST_WINDOW_PX)

    def pattern(self, lit: NDArray[np.float32] | None = None, steps: float = 0.0) -> NDArray[np.float32]:
        """|sum over voxels psi|^2, lit by an amplitude of the box's shape: (rows, columns), in voxels^2.

        steps: of the rocking circle from the view's angle.
        """
        rows, columns = self._waves
        psi = np.conj(self.psi if lit is None else self.psi * lit)
        plane = np.tensordot(self._wave(0, np.array([steps - self.at[0]]))[0], psi, 1)
        amplitude = rows @ plane @ columns.T
        return np.asarray(np.square(amplitude.real) + np.square(amplitude.imag), np.float32)

    @cached_property
    def flat(self) -> NDArray[np.float32]:
        """The pattern in a beam that is much larger than the crystal, at the view's angle."""
        return self.pattern()

    @cached_property
    def across_m(self) -> NDArray[np.float32]:
        """y and z in the laboratory of every voxel, from the island's middle: (2, *box.shape)."""
        plane = (self.view.to_lab @ self.box.vectors)[1:]
        steps = [np.arange(n) + a for n, a in zip(self.box.shape, self.box.first, strict=True)]
        i, j, k = np.ix_(*steps)
        return np.stack([(v[0] * i + v[1] * j + v[2] * k).astype(np.float32) for v in plane])

    def counts_in(
        self, beam: NanoBeam, y_m: float, z_m: float, light: float, steps: float = 0.0
    ) -> NDArray[np.float32]:
        """The pattern with its middle at y, z across the beam; `light` that of the beam where it lies far away."""
        if float(np.hypot(y_m, z_m)) - 0.5 * self.island.size_m > FAR * max(beam.fwhm_m):
            return (self.pattern(steps=steps) if steps else self.flat) * np.float32(light)
        y, z = self.across_m
        return self.pattern(np.sqrt(beam.intensity(y + np.float32(y_m), z + np.float32(z_m))), steps)

    @cached_property
    def _waves(self) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
        """Of the window's rows and columns."""
        places = zip((1, 2), self.peak_px, self.corner_px, self.window_px, strict=True)
        rows, columns = (
            self._wave(axis, np.asarray(np.arange(n) + corner - peak, np.float64)) for axis, peak, corner, n in places
        )
        return rows, columns

    def _wave(self, axis: int, m: NDArray[np.float64]) -> NDArray[np.complex64]:
        """exp(-2 pi i m p / N): (len(m), voxels along the axis)."""
        p = np.arange(self.box.shape[axis]) + self.box.first[axis]
        return np.exp(-2j * np.pi / self.view.shape[axis] * np.outer(m, p)).astype(np.complex64)


def island_view(island: Island, specimen: Specimen, view: View) -> IslandView | None:
    """The island on the view's grid; None where it is tilted so far that nothing of it is seen at these angles."""
    away = lattice_vector(island, view.q_bragg_per_m) - view.q_bragg_per_m
    at = np.asarray(np.linalg.solve(view.q_step_per_m, away), np.float64)
    if abs(at[0]) >= view.shape[0] / 2:
        return None
    rng, field = np.random.default_rng(island.seed).spawn(2)
    axes = axes_along(specimen.reflection, view.q_bragg_per_m, rng)
    sites = sites_of(island, specimen.reflection, axes, rng)
    model = drawn_model(
        CrystalRange(), island.shape, specimen.material, specimen.reflection, axes, island.size_m,
        island.phase_range_rad, sites, rng,
    )  # fmt: skip
    box = box_around(view.vectors_m, REACH * island.size_m)
    density, phase = density_and_phase(model, box, field)
    middle = np.array(view.shape) // 2
    defects = tuple(told(s, specimen.reflection, axes, view.vectors_m, middle, island.size_m) for s in sites)
    return IslandView(island, view, density * np.exp(1j * phase), box, axes, defects, at)
