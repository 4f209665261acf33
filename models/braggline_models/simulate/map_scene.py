"""A map of a specimen: one detector frame for every place of the nano-beam, all circles at rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.simulate.detector import add_flat
from braggline_models.simulate.flaws import DetectorFlaws
from braggline_models.simulate.island_view import IslandView, View, island_view, view_of
from braggline_models.simulate.nano_beam import BeamHistory, NanoBeam, drawn_history
from braggline_models.simulate.pixels import BadPixels, drawn_pixels, spoil
from braggline_models.simulate.plan import ScanPlan
from braggline_models.simulate.specimen import Specimen, Substrate

FAINTEST = 1e-5  # of the beam's middle: less light on an island is none
UNSEEN = 1e-7  # counts
REFERENCE_M = 300e-9  # diameter of the perfect ball whose peak `photons` are counted of


@dataclass(frozen=True)
class MeshPlan:
    """pix runs fast, piy slow: `points` of each, `step_um` apart, about `center_um`, all (pix, piy).

    photons  counted in one frame of a perfect ball of 300 nm on its Bragg peak, all of it in the beam's middle
    """

    points: tuple[int, int] = (41, 41)
    step_um: tuple[float, float] = (0.25, 0.25)
    center_um: tuple[float, float] = (50.0, 50.0)
    photons: float = 2e4

    def __post_init__(self) -> None:
        if min(self.points) < 2 or not min(self.step_um) > 0 or not self.photons > 0:
            raise BadInput(f"a mesh of {self.points} points, {self.step_um} um apart: 2 or more, above 0")

    @property
    def axes_um(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """pix (n_x,) and piy (n_y,)."""
        pix, piy = (
            np.asarray(center + (np.arange(n) - (n - 1) / 2) * step, np.float64)
            for center, n, step in zip(self.center_um, self.points, self.step_um, strict=True)
        )
        return pix, piy

    @property
    def positions_um(self) -> NDArray[np.float64]:
        """(n_y n_x, 2) pix and piy of every frame."""
        pix, piy = self.axes_um
        return np.stack([np.tile(pix, len(piy)), np.repeat(piy, len(pix))], axis=1)


@dataclass(frozen=True)
class MapScene:
    """Everything that a map shows, ready to be counted frame by frame; `islands` that are seen at all.

    per_voxels2  counts for one unit of a pattern
    """

    plan: MeshPlan
    scan: ScanPlan
    specimen: Specimen
    beam: NanoBeam
    flaws: DetectorFlaws
    view: View
    islands: tuple[IslandView, ...]
    history: BeamHistory
    pixels: BadPixels
    per_voxels2: float
    seed: int

    def expected(self, index: int) -> NDArray[np.float32]:
        """Counts of the crystals and the substrate's streak in frame `index`, without background or noise."""
        pix, piy = (float(um) for um in self.plan.positions_um[index])
        return self.expected_at(pix, piy, self.history.offset_m[index]) * np.float32(self.history.flux[index])

    def expected_at(
        self, pix_um: float, piy_um: float, offset_m: NDArray[np.float64] | None = None, steps: float = 0.0
    ) -> NDArray[np.float32]:
        """The same with the motors anywhere, the rocking circle `steps` of the view's from its place, at mean flux."""
        frame = self.streak.copy()
        away_m = 1e-6 * (np.array([pix_um, piy_um]) - self.homes_um) @ self.view.to_lab[1:, :2].T
        away_m = away_m if offset_m is None else away_m - offset_m
        light = self._light(away_m)
        for k in np.flatnonzero(light > FAINTEST):
            y, z = (float(m) for m in away_m[k])
            pattern = self.islands[k].counts_in(self.beam, y, z, float(light[k]), steps)
            _add(frame, pattern * np.float32(self.per_voxels2), self.islands[k].corner_px)
        return frame

    @cached_property
    def streak(self) -> NDArray[np.float32]:
        """The substrate's, at the mean flux."""
        return streak(self.specimen.substrate, self.scan.detector.shape_px)

    @cached_property
    def homes_um(self) -> NDArray[np.float64]:
        """(n_islands, 2) pix and piy."""
        return np.array([(v.island.pix_um, v.island.piy_um) for v in self.islands], float).reshape(-1, 2)

    def _light(self, away_m: NDArray[np.float64]) -> NDArray[np.float32]:
        """(n_islands,) of the beam at the nearest edge of each island, over its middle's."""
        radius = np.array([0.5 * v.island.size_m for v in self.islands])
        distance = np.linalg.norm(away_m, axis=-1)
        nearest = away_m * (np.maximum(distance - radius, 0.0) / np.maximum(distance, 1e-12))[:, None]
        return self.beam.intensity(nearest[:, 0].astype(np.float32), nearest[:, 1].astype(np.float32))

    def frame(self, index: int) -> NDArray[np.uint32]:
        """What the detector reads there; the same index gives the same counts."""
        rng = np.random.default_rng((self.seed, index))
        expected = self.expected(index)
        counts = np.zeros((1, *expected.shape), np.uint32)
        lit = np.flatnonzero(expected > UNSEEN)
        counts.reshape(-1)[lit] = rng.poisson(expected.reshape(-1)[lit])
        flat = self.specimen.substrate.background + self.flaws.background
        add_flat(counts[0], flat * float(self.history.flux[index]), rng)
        spoil(counts, self.pixels, self.flaws, rng)
        return counts[0]

    @property
    def rocking_step_deg(self) -> float:
        """About what the first axis of the view steps: |dq| / |Q|, as eta turns Q."""
        return float(np.degrees(np.linalg.norm(self.view.q_step_per_m[:, 0]) / np.linalg.norm(self.view.q_bragg_per_m)))

    def peak_counts(self, island: IslandView) -> float:
        """Of the whole pattern at these angles with the island in the middle of a still beam."""
        return float(island.counts_in(self.beam, 0.0, 0.0, 1.0).sum(dtype=np.float64)) * self.per_voxels2


def map_scene(
    plan: MeshPlan, scan: ScanPlan, specimen: Specimen, beam: NanoBeam, flaws: DetectorFlaws, seed: int
) -> MapScene:
    """The specimen before the detector of `scan`, at its Bragg angles."""
    rng = np.random.default_rng([seed, 1])
    view = view_of(scan)
    seen = (island_view(island, specimen, view) for island in specimen.islands)
    islands = tuple(island for island in seen if island is not None)
    n = plan.points[0] * plan.points[1]
    return MapScene(
        plan, scan, specimen, beam, flaws, view, islands, drawn_history(beam, n, rng),
        drawn_pixels(scan.mask, flaws, rng), plan.photons / reference_pattern(view), seed,
    )  # fmt: skip


def reference_pattern(view: View) -> float:
    """Sum of the pattern of a perfect ball of REFERENCE_M, by Parseval: N_1 N_2 times the sum of thickness^2, voxels.

    The chords along the rocking axis a_0 give the integral of thickness^2 over the cross section, 2 pi R^4.
    """
    along = float(np.linalg.norm(view.vectors_m[:, 0]))
    cell = abs(float(np.linalg.det(view.vectors_m))) / along
    return view.shape[1] * view.shape[2] * 2 * np.pi * (REFERENCE_M / 2) ** 4 / (along**2 * cell)


def streak(substrate: Substrate, shape_px: tuple[int, int]) -> NDArray[np.float32]:
    """The substrate's truncation rod: along the rows, as 1 / (1 + (distance / fading)^2) from its own peak."""
    if not substrate.streak:
        return np.zeros(shape_px, np.float32)
    rows = (np.arange(shape_px[0]) - substrate.row_px) / substrate.fading_px
    columns = (np.arange(shape_px[1]) - substrate.column_px) / substrate.width_px
    image = np.outer(1.0 / (1.0 + np.square(rows)), np.exp(-0.5 * np.square(columns)))
    return np.asarray(np.where(image > 1e-9, substrate.streak * image, 0.0), np.float32)


def _add(frame: NDArray[np.float32], pattern: NDArray[np.float32], corner_px: tuple[int, int]) -> None:
    """What sticks out of the frame is lost."""
    first = [max(c, 0) for c in corner_px]
    last = [min(c + n, size) for c, n, size in zip(corner_px, pattern.shape, frame.shape, strict=True)]
    if first[0] < last[0] and first[1] < last[1]:
        inside = tuple(slice(a - c, b - c) for a, b, c in zip(first, last, corner_px, strict=True))
        frame[first[0] : last[0], first[1] : last[1]] += pattern[inside]
