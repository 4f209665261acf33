"""A finished pass as the result that files, board and command line share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from braggline_models import __version__
from braggline_models.phase_retrieval import Progress, Recipe
from braggline_models.preprocess import frame_counts
from braggline_models.recommendation import ScanLimits, next_scan, summarise
from braggline_models.results import Provenance
from braggline_models.scan import PreparedVolume, RockingCurve, Sample
from braggline_service.nexus import ScanResult
from braggline_service.recipes import recipe_hash
from braggline_service.settings import Settings
from braggline_service.stages.findings import findings
from braggline_service.stages.pipeline import Pass, Pipeline

LEAST_AGREEMENT = 0.9  # below, runs from different starts found different crystals


def run_curve(
    curve: RockingCurve,
    settings: Settings,
    recipe: Recipe,
    seed: int,
    threads: int,
    on_progress: Callable[[Progress], None] | None = None,
    sample: Sample | None = None,
    also: Sequence[RockingCurve] = (),
) -> ScanResult:
    """The pipeline over a curve that is all there, from scratch; `also`: scans of the same crystal, added to it."""
    started = time.monotonic()
    last: Pass | None = None
    pipeline = Pipeline(recipe, seed, threads, sample=sample, also=also)
    for step in pipeline.finish(curve):
        if isinstance(step, Pass):
            last = step
        elif on_progress is not None:
            on_progress(step)
    assert last is not None
    missing = int(np.count_nonzero(~curve.measured))
    elapsed_s = time.monotonic() - started
    return scan_result(curve, last, pipeline, settings, missing, aborted=False, elapsed_s=elapsed_s)


def scan_result(
    curve: RockingCurve,
    last: Pass,
    pipeline: Pipeline,
    settings: Settings,
    missing: int,
    aborted: bool,
    elapsed_s: float,
) -> ScanResult:
    """Everything that is known of the scan, with the advice drawn from it."""
    limits, recipe, seed = settings.advice, pipeline.recipe, pipeline.seed
    found = findings(last, pipeline.map_options, pipeline.sample, pipeline.models)
    summary = summarise(curve, last.volume, last.reconstruction)
    flags = (
        *pipeline.model_flags,
        *last.volume.flags,
        *last.reconstruction.quality.flags,
        *last.strain.flags,
        *found.flags,
    )
    parents = (*(last.volume.parents or (curve.name,)), *(model.told for model in pipeline.models.values()))
    if aborted:
        flags = ("the scan was aborted: this is the result of what was measured", *flags)
    return ScanResult(
        name=curve.name,
        rocking_curve=_in_steady_beam(curve, last.volume),
        positions=curve.scanned_positions,
        scanned_unit=curve.scanned_unit,
        volume=last.volume,
        reconstruction=last.reconstruction,
        strain=last.strain,
        defects=found.defects,
        sample=pipeline.sample,
        frames=found.frames,
        facets=found.facets,
        statistics=found.statistics,
        recommendation=next_scan(summary, ScanLimits.of(limits), expires_after_s=limits.expires_after_s),
        provenance=Provenance("braggline", __version__, recipe_hash(recipe), seed, parents),
        frames_missing=missing,
        flags=tuple(dict.fromkeys(flags)),
        elapsed_s=elapsed_s,
        aborted=aborted,
        monitor=curve.monitor,
    )


def _in_steady_beam(curve: RockingCurve, volume: PreparedVolume) -> NDArray[np.float64]:
    """Counts of each frame, multiplied as the volume's were; 0 where not known."""
    counts = frame_counts(curve)
    return counts * np.nan_to_num(volume.frame_factors) if len(volume.frame_factors) == len(counts) else counts


def gate_reason(result: ScanResult) -> str | None:
    """Why the result should not be taken as it is, or None: a person may still accept it."""
    quality = result.reconstruction.quality
    if result.aborted:
        return "the scan was aborted"
    if quality.runs_kept < 2:
        return "no second run agrees with the best one"
    if quality.agreement < LEAST_AGREEMENT:
        return f"the runs agree by {quality.agreement:.2f} only"
    return next((flag for flag in result.flags if flag.startswith("undersampled")), None)
