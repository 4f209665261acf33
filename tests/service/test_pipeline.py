"""The final pass begins before the last frame, and ends where one that saw everything from the start would."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from braggline_models.phase_retrieval import Recipe
from braggline_models.phase_retrieval.align import agreement
from braggline_models.scan import RockingCurve
from braggline_service.stages.pipeline import Pass, Pipeline

sys.path.insert(0, str(Path(__file__).parents[1] / "flow"))
from live_job import FRAMES, small_curve

RECIPE = Recipe(runs=4, largest_px=48, refine="")


@cache
def _curve() -> RockingCurve:
    return small_curve()


def _seen(frames: int) -> RockingCurve:
    curve = _curve()
    measured = np.arange(FRAMES) < frames
    return replace(curve, measured=measured, intensity=curve.intensity * measured[:, None, None])


def _last(pipeline: Pipeline) -> Pass:
    (result,) = (step for step in pipeline.finish(_curve()) if isinstance(step, Pass))
    return result


def test_ripe_once_the_middle_half_is_there() -> None:
    pipeline = Pipeline(RECIPE, 0, 2)
    assert [pipeline.ripe(_seen(n)) for n in (24, 35, 36, 48)] == [False, False, True, True]
    list(pipeline.begin_final(_seen(36)))
    assert not pipeline.ripe(_seen(48))


def test_begun_early_it_ends_with_the_same_crystal() -> None:
    """Interrupted by the last frame in the middle of its first part; previews go on at full size after it."""
    pipeline = Pipeline(RECIPE, 0, 2)
    assert pipeline.preview(_seen(30), 2) is not None
    begun = pipeline.begin_final(_seen(37))
    assert next(begun).iteration < 100
    early = _last(pipeline)
    assert early.volume.frames_used == FRAMES
    at_once = _last(Pipeline(RECIPE, 0, 2))
    assert agreement(early.reconstruction.object_, at_once.reconstruction.object_) > 0.95


def test_previews_after_it_are_as_fine_as_the_final_map() -> None:
    pipeline = Pipeline(RECIPE, 0, 2)
    list(pipeline.begin_final(_seen(40)))
    preview = pipeline.preview(_seen(44), 2)
    assert preview is not None
    final = _last(pipeline)
    assert preview.volume.intensity.shape == final.volume.intensity.shape
    assert agreement(preview.reconstruction.object_, final.reconstruction.object_) > 0.9


def test_a_schedule_without_half_resolution_waits_for_all_frames() -> None:
    pipeline = Pipeline(replace(RECIPE, schedule="(HIO**20,SW)**2,ER**10"), 0, 2)
    assert not pipeline.ripe(_seen(48))
    assert _last(pipeline).reconstruction.iterations == 50
