"""Crystals with a known defect as a reconstruction gives them, and the truth about each suspect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from braggline_models.defects.suspects import NONE, STACKING_FAULT, TWIN, Suspect
from braggline_models.learned.task import Values
from braggline_models.phase_retrieval import Ensemble, Recipe
from braggline_models.phase_retrieval.align import aligned, correlation
from braggline_models.results import Defect, DefectReport, StrainField
from braggline_models.simulate.box import Box
from braggline_models.simulate.crystal_range import CrystalRange
from braggline_models.simulate.drawn import DrawnCrystal, drawn_crystal
from braggline_models.simulate.field import matern_field
from braggline_models.simulate.planted import PlantedDefect
from braggline_models.simulate.slip import DISLOCATIONS
from braggline_models.strain import MapOptions, gridded
from braggline_models.strain.crystal import bulk_amplitude
from braggline_models.strain.crystal import crystal as find_crystal

KINDS = (NONE, *DISLOCATIONS, STACKING_FAULT, TWIN)
RANGE = CrystalRange(
    phase_range_rad=(0.0, 6.0), photons=(1e6, 1e8), coherence_sigma_px=(0.0, 0.3), second_defect=0.0, invisible=0.0
)
SIZES = ((32, 0.75), (48, 0.2), (64, 0.05))  # voxels a side, and share of the training
BINS = ("32^3 voxels",)
JUDGED_SIZES = (32,)
WRONG_RAD = 0.25  # rms of the smooth error that is added to the true phase of the object, at most
NEAR_VOXELS = 3.0  # mean distance from the true line up to which a line is that line
NEAR_RAD, NEAR_PLANE_VOXELS = np.radians(15.0), 2.0
OTHER_SIDE = 0.05  # of the crystal: with less on one side a twin is a face like any other
PHASED = 0.9  # agreement with the truth
TRAINING, JUDGING = 31, 32


@dataclass(frozen=True)
class Trial:
    """A map with its truth; `agreement` of the object with the true one."""

    crystal: DrawnCrystal
    strain: StrainField
    psi: NDArray[np.complex64]
    agreement: float
    seed: int

    @property
    def defect(self) -> PlantedDefect | None:
        """The one that the reflection sees."""
        return next((each for each in self.crystal.defects if each.visible), None)

    @property
    def kind(self) -> str:
        return NONE if self.defect is None else self.defect.kind

    def middle(self) -> NDArray[np.int_]:
        """A voxel of the map, z, y, x: of the defect, or of the crystal."""
        if self.defect is None:
            return np.rint(np.argwhere(self.strain.support).mean(axis=0)).astype(int)
        at = self.place(self.defect)[::-1]
        return np.clip(np.rint(at).astype(int), 0, np.array(self.strain.support.shape) - 1)

    def other_side(self) -> float:
        """Share of the crystal beyond a lamella of twin; 0 where the twin goes on to the surface."""
        defect = self.defect
        if defect is None or not np.isfinite(defect.thickness):
            return 0.0
        away = np.argwhere(self.crystal.support) - defect.point
        beyond = float(np.mean(away @ defect.direction > 0))
        return min(beyond, 1.0 - beyond)

    def place(self, defect: PlantedDefect) -> NDArray[np.float64]:
        """Its point in voxels of the map, x, y, z."""
        middle = np.array(self.strain.support.shape[::-1]) // 2
        point_m = self.crystal.vectors_m @ (defect.point - len(self.crystal.object_) // 2)
        return np.asarray(point_m / self.strain.voxel_size_m + middle)


def drawn_trial(seed: int) -> Trial:
    """One to train on: what the engine would find at best, but for a smooth error of the phase."""
    rng = np.random.default_rng([TRAINING, seed])
    n = int(rng.choice([size for size, _ in SIZES], p=[odds for _, odds in SIZES]))
    crystal = _crystal(n, rng)
    counts = rng.poisson(crystal.expected).astype(np.float32)
    return _mapped(crystal, _surrogate(crystal, counts, rng), counts, seed)


def judged_trial(which: int, seed: int) -> Trial:
    """One to be judged by: phased by the engine with the default recipe; the kinds come in turn."""
    rng = np.random.default_rng([JUDGING, seed])
    crystal = _crystal(JUDGED_SIZES[which], rng, KINDS[seed % len(KINDS)])
    counts = rng.poisson(crystal.expected).astype(np.float32)
    return _mapped(crystal, aligned(_phased(crystal, counts), crystal.object_)[0], counts, seed)


def _crystal(n: int, rng: np.random.Generator, kind: str | None = None) -> DrawnCrystal:
    kind = KINDS[int(rng.integers(len(KINDS)))] if kind is None else kind
    return drawn_crystal(n, rng, replace(RANGE, defects=((kind, 1.0),)))


def _phased(crystal: DrawnCrystal, counts: NDArray[np.float32]) -> NDArray[np.complex64]:
    recipe = Recipe()
    ensemble = Ensemble(recipe, 0, 1)
    ensemble.update(crystal.prepared(counts))
    for schedule in (recipe.schedule, recipe.refine):
        list(ensemble.advance(schedule) if schedule else ())
    return ensemble.reconstruction(True).object_


def _surrogate(crystal: DrawnCrystal, counts: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.complex64]:
    """The measured moduli with the true phases, of an object whose phase errs smoothly."""
    truth = crystal.object_
    n = len(truth)
    box = Box(np.eye(3), (-n // 2,) * 3, truth.shape)
    error = matern_field(box, float(rng.uniform(0.05, 0.2)) * n, rng)
    error *= np.float32(rng.uniform(0.0, WRONG_RAD) / max(float(error[crystal.support].std()), 1e-9))
    spectrum = scipy.fft.fftn(scipy.fft.ifftshift(np.conj(truth * np.exp(1j * error))))
    psi = scipy.fft.ifftn(np.sqrt(scipy.fft.ifftshift(counts)) * np.exp(1j * np.angle(spectrum)))
    return np.asarray(np.conj(scipy.fft.fftshift(psi)), np.complex64)


def _mapped(crystal: DrawnCrystal, laid: NDArray[np.complex64], counts: NDArray[np.float32], seed: int) -> Trial:
    """laid: the object, where the true one is. The map is what strain_field gives, less what nobody asks here."""
    volume = crystal.prepared(counts)
    psi, size_m = gridded(laid, volume, MapOptions(apodisation=Recipe().apodisation))
    psi /= np.float32(bulk_amplitude(np.abs(psi), volume.name))
    amplitude, nothing = np.abs(psi).astype(np.float32), np.zeros((0, 0, 0), np.float32)
    strain = StrainField(
        amplitude, nothing, nothing, nothing, nothing, nothing,
        find_crystal(amplitude, Recipe().isosurface, volume.name), size_m, volume.q_bragg_per_m,
    )  # fmt: skip
    return Trial(crystal, strain, psi, abs(correlation(laid, crystal.object_)), seed)


def truth_of(suspect: Suspect, trial: Trial) -> str:
    """The kind of the defect that the suspect is, or none."""
    defect = trial.defect
    if defect is None or defect.is_line != (suspect.plane is None):
        return NONE
    if defect.is_line:
        return defect.kind if distance_voxels(suspect.defect, trial) <= NEAR_VOXELS else NONE
    return defect.kind if _is_plane(suspect.defect, trial) else NONE


def distance_voxels(line: Defect, trial: Trial) -> float:
    """Mean distance of a found line from the true one; infinite where there is none."""
    defect = trial.defect
    if defect is None or not defect.is_line:
        return np.inf
    along = trial.crystal.vectors_m @ defect.direction
    along /= np.linalg.norm(along)
    away = line.position_m[:, ::-1] / trial.strain.voxel_size_m - trial.place(defect)
    across = away - np.outer(away @ along, along)
    return float(np.linalg.norm(across, axis=1).mean())


def _is_plane(plane: Defect, trial: Trial) -> bool:
    """Parallel to the true plane and on it, or anywhere within a lamella; never the face that an open twin leaves."""
    defect = trial.defect
    assert defect is not None
    normal = trial.crystal.axes @ defect.plane
    if not len(plane.position_m) or np.arccos(min(1.0, abs(float(normal @ plane.direction)))) > NEAR_RAD:
        return False
    voxels = plane.position_m[:, ::-1] / trial.strain.voxel_size_m
    off = float((voxels.mean(axis=0) - trial.place(defect)) @ normal)
    if defect.kind == STACKING_FAULT:
        return abs(off) < NEAR_PLANE_VOXELS
    diameter = trial.crystal.size_voxels * _stretch(trial)
    return -NEAR_PLANE_VOXELS < off < defect.thickness * diameter + NEAR_PLANE_VOXELS


def _stretch(trial: Trial) -> float:
    """Voxels of the map in one of the object, along the axis where the crystal has the most."""
    step = 1.0 / float(np.linalg.norm(np.linalg.inv(trial.crystal.vectors_m), axis=1).max())
    return step / trial.strain.voxel_size_m


def kind_of(report: DefectReport) -> str:
    """Of the crystal: that of the defect which is surest."""
    every = [*report.lines, *report.planes]
    return max(every, key=lambda each: each.confidence).kind if every else NONE


def winding_alone(report: DefectReport) -> DefectReport:
    """The lines of a report, of unknown kind."""
    return DefectReport(tuple(replace(line, kind="dislocation") for line in report.lines), True)


def scores(reports: Mapping[str, DefectReport], trial: Trial) -> dict[tuple[str, str], Values]:
    """Every measure by arm."""
    values: dict[tuple[str, str], Values] = {}
    lined = trial.defect is not None and trial.defect.is_line
    one_sided = trial.kind == TWIN and trial.other_side() < OTHER_SIDE
    for arm, report in reports.items():
        right = float(kind_of(report) == trial.kind)
        off = [distance_voxels(line, trial) for line in report.lines]
        hits = [distance for distance in off if distance <= NEAR_VOXELS]
        values["type accuracy", arm] = (right,)
        values[f"type accuracy, {trial.kind}", arm] = (right,)
        if not one_sided:
            values["type accuracy, one-sided twins left out", arm] = (right,)
        values["false lines a crystal", arm] = (float(len(off) - len(hits)),)
        if lined:
            values["line recall", arm] = (float(bool(hits)), 1.0)
            if trial.agreement > PHASED:
                values["line recall where phased", arm] = (float(bool(hits)), 1.0)
        if hits:
            values["localisation", arm] = (min(hits),)
    return values


def untold_scores(reports: Mapping[str, DefectReport], trial: Trial) -> dict[tuple[str, str], Values]:
    """By arms that do not know the reflection."""
    return {
        ("type accuracy, reflection not told", arm): (float(kind_of(report) == trial.kind),)
        for arm, report in reports.items()
    }
