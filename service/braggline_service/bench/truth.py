"""How near a strain map comes to the truth, and how near it could come at best."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braggline_models.facets import find_facets
from braggline_models.geometry import orthogonalise, voxel_vectors_m
from braggline_models.phase_retrieval import Ensemble, Recipe
from braggline_models.phase_retrieval.align import agreement, aligned
from braggline_models.preprocess import PrepareOptions, prepare
from braggline_models.results import Reconstruction, StrainField
from braggline_models.scan import BoolArray, PreparedVolume
from braggline_models.simulate import SimulatedTruth, simulate_curve
from braggline_models.simulate.crystal import facet_normals
from braggline_models.simulate.floor import floor_object
from braggline_models.strain import MapOptions, directional_derivative, strain_field
from braggline_models.strain.statistics import surface_of
from braggline_service.beamlines import load_beamline
from braggline_service.bench.lines import measured_lines
from braggline_service.recipes import load_recipe, recipe_hash

BRAGG_DEG = {"eta": 17.7, "phi": 0.0, "nu": 0.0, "delta": 35.4}  # Pt (111) at 9 keV
STEP_DEG, FRAMES, WINDOW_PX, SIZE_m = 0.012, 64, 96, 300e-9
RANGE_rad, PHOTONS = (1.0, 8.0), (1e6, 1e8)
LINE_SIZES_PX = (32, 64)
FOUND = 0.95  # agreement with the floor's object: below, phasing failed
FACE_SHARE = 0.02  # of the surface: smaller faces are not judged
SAME_FACE_DEG = 15.0


def run(crystals: int, recipe_name: str, first_seed: int, workers: int) -> dict[str, Any]:
    """{"rows", "summary", "lines"}: each crystal and the medians; lines: of dislocations in further ones, by size."""
    recipe = load_recipe(recipe_name)
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        rows = list(pool.map(_judged, [(recipe, first_seed + k) for k in range(crystals)]))
        lines = [measured_lines(size, crystals, recipe, first_seed, pool) for size in LINE_SIZES_PX]
    return {"recipe_hash": recipe_hash(recipe), "rows": rows, "summary": _summary(rows), "lines": lines}


def _summary(rows: list[dict[str, float]]) -> dict[str, float]:
    found = [row for row in rows if row["agreement"] > FOUND]
    summary: dict[str, float] = {"crystals": len(rows), "phased": len(found)}
    if found:
        keys = ("strain_over_floor", "displacement_over_floor", "strain_rel", "floor_rel", "coverage")
        summary |= {key: float(np.median([row[key] for row in found])) for key in keys}
        for key in ("strain_over_floor", "displacement_over_floor"):
            summary[f"{key}_90"] = float(np.quantile([row[key] for row in found], 0.9))
        summary["coverage_mean"] = float(np.mean([row["coverage"] for row in found]))
        summary["lattice_error_rms"] = float(np.sqrt(np.mean([row["lattice_error"] ** 2 for row in found])))
        for key in ("facet_error_deg_90", "facet_floor_deg_90"):
            summary[key] = float(np.median([row[key] for row in found]))
        summary["facet_error_deg_90_largest"] = float(np.max([row["facet_error_deg_90"] for row in found]))
        summary["coverage_least"] = float(np.min([row["coverage"] for row in found]))
        summary["coverage_most"] = float(np.max([row["coverage"] for row in found]))
    return summary


def _judged(task: tuple[Recipe, int]) -> dict[str, float]:
    """One crystal phased, its map and the floor's against the truth."""
    recipe, seed = task
    rng = np.random.default_rng([seed, 1])
    span, photons = float(rng.uniform(*RANGE_rad)), float(np.exp(rng.uniform(*np.log(PHOTONS))))
    beamline = load_beamline("id01")
    detector, mask = beamline.detector("maxipix")
    curve, truth = simulate_curve(
        beamline.diffractometer, detector, np.zeros_like(mask), BRAGG_DEG, "eta", STEP_DEG, FRAMES, 9000.0, SIZE_m,
        span, photons, seed, window_px=WINDOW_PX, finer=2,
    )  # fmt: skip
    volume = prepare(curve, PrepareOptions(bin_frames=1, largest_px=WINDOW_PX))
    floor = floor_object(truth, volume)
    ensemble = Ensemble(recipe, 0, 1)
    ensemble.update(volume)
    for schedule in (recipe.schedule, recipe.refine):
        list(ensemble.advance(schedule) if schedule else ())
    result = _laid_onto(ensemble.reconstruction(True), floor)
    told = {"seed": seed, "phase_range_rad": span, "photons": photons}
    return told | judged(result, floor, volume, truth, MapOptions(recipe.isosurface, recipe.apodisation), seed)


def judged(
    result: Reconstruction,
    floor: NDArray[np.complex64],
    volume: PreparedVolume,
    truth: SimulatedTruth,
    options: MapOptions,
    seed: int,
) -> dict[str, float]:
    """The map of `result`, which lies on the floor's object, and that of the floor against the truth."""
    ours = strain_field(result, volume, options)
    best = strain_field(replace(result, object_=floor, runs=result.runs[:0]), volume, options)
    error, where = _errors(ours, truth)
    least, _ = _errors(best, truth, where)
    return {
        "agreement": agreement(result.object_, floor),
        "strain_over_floor": error["strain"] / least["strain"],
        "displacement_over_floor": error["displacement_m"] / least["displacement_m"],
        "strain_rel": error["strain_rel"], "floor_rel": least["strain_rel"],
        "displacement_m": error["displacement_m"], "lattice_error": error["lattice"], "coverage": error["coverage"],
        "seen": error["seen"], "facet_error_deg_90": _facet_error_deg(ours, seed),
        "facet_floor_deg_90": _facet_error_deg(best, seed),
    }  # fmt: skip


def _laid_onto(result: Reconstruction, truth: NDArray[np.complex64]) -> Reconstruction:
    """Shift, phase and twin are free in phase retrieval: as the truth has them."""
    runs = np.stack([aligned(run, truth)[0] for run in result.runs])
    return replace(result, object_=aligned(result.object_, truth)[0], runs=runs)


def _errors(
    field: StrainField, truth: SimulatedTruth, where: BoolArray | None = None
) -> tuple[Mapping[str, float], BoolArray]:
    """Root mean squares of the differences to the truth, means aside; the voxels that both know, or of `where`."""
    volume = truth.volume
    vectors_m = voxel_vectors_m(volume.q_step_per_m, volume.intensity.shape)
    psi, _ = orthogonalise(truth.object_, vectors_m, field.voxel_size_m, field.support.shape)
    inside = np.abs(psi) > 0.5
    length = float(np.linalg.norm(field.q_bragg_per_m))
    strain = directional_derivative(psi, inside, field.q_bragg_per_m / length, field.voxel_size_m) / length
    known = inside & field.support & np.isfinite(strain) & np.isfinite(field.strain)
    if where is not None and where.shape == known.shape:
        known &= where
    shorter = float(np.linalg.norm(volume.q_bragg_per_m)) / length  # the truth counts strain from its own peak
    off = (1.0 + field.strain.astype(float)) * shorter - (1.0 + strain)
    bulk = known & ~surface_of(field.support)
    inner = off[known] - off[known].mean()
    return {
        "strain": float(inner.std()), "strain_rel": float(inner.std() / strain[known].std()),
        "displacement_m": _displacement_error_m(field, psi, known) / length,
        "lattice": float(off[bulk].mean()), "seen": float(known.sum() / inside.sum()),
        "coverage": float(np.mean(np.abs(inner) <= field.uncertainty[known])),
    }, known  # fmt: skip


def _displacement_error_m(field: StrainField, psi: NDArray[np.complex64], known: BoolArray) -> float:
    """Phase differences in rad; a shift of the crystal and of the peak are free."""
    turn = np.exp(1j * (field.phase_rad[known] - np.angle(psi[known])))
    phase = np.angle(turn * np.exp(-1j * np.angle(turn.mean())))
    index = np.argwhere(known) - np.argwhere(known).mean(axis=0)
    plane = np.concatenate([np.ones((len(index), 1)), index], axis=1)
    return float(np.std(phase - plane @ np.linalg.lstsq(plane, phase, rcond=None)[0]))


def _facet_error_deg(field: StrainField, seed: int) -> float:
    """The 90th percentile of the angles between found and true normals; NaN where no face is found."""
    normals = facet_normals(np.random.default_rng(seed))
    report = find_facets(field)
    total = sum(facet.area_m2 for facet in report.facets)
    large = [facet for facet in report.facets if facet.area_m2 > FACE_SHARE * total]
    angles = [np.rad2deg(np.arccos(np.clip(normals @ facet.normal, -1, 1).max())) for facet in large]
    return float(np.quantile(angles, 0.9)) if angles else float("nan")
