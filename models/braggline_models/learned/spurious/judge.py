"""Masks and gaps against the truth, by the model and by its controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from braggline_models.learned.model import Model
from braggline_models.learned.spurious.answer import answered
from braggline_models.learned.spurious.controls import biharmonic, curve_of, from_mirror, lost, mad_outliers
from braggline_models.learned.spurious.examples import CRYSTALS, Example, example
from braggline_models.learned.spurious.retrieved import strain_errors
from braggline_models.learned.task import Clock, Judgement, Picture, Values
from braggline_models.preprocess import PrepareOptions, cleaned
from braggline_models.preprocess.scene import scene_of
from braggline_models.preprocess.spurious import NAME, filled, find_spurious
from braggline_models.scan import BoolArray
from braggline_models.simulate import DetectorFlaws, FlawRange, drawn_crystal, drawn_flaws

MASK_SIDE, GAP_SIDE = 64, 48  # voxels of the windows
ALIEN_BINS = {
    "alien 1e-4 to 1e-3": (1e-4, 1e-3),
    "alien 1e-3 to 1e-2": (1e-3, 1e-2),
    "alien 0.01 to 0.1": (1e-2, 0.1),
    "alien 0.1 to 1": (0.1, 1.0),
}
PIXEL_BIN = "hot pixels and hits"
GAP_BINS = {"gap of 6 to 8": (6, 8), "gap of 9 to 12": (9, 12)}
BINS = (*ALIEN_BINS, PIXEL_BIN, *GAP_BINS)
CONTROL_STEPS = ("dead", "zingers", "hot", "aliens")
FEWEST_ALIEN = 20  # voxels: fewer are no region to compare
PHASED = 2  # every so many crystals with a gap are phased too: such as come back for certain where there is no gap
PHASABLE = replace(CRYSTALS, phase_range_rad=(1.0, 4.0), defects=(("none", 1),), photons=(1e5, 1e8))
NONE = {"pixels": 0.0, "zingers": 0.0, "aliens": 0.0, "gap": 0.0, "saturation": 0.0, "beam": 0.5}


def judged(model: Model, which: int, seed: int, clock: Clock) -> Judgement:
    """One object of the bin."""
    name, rng = BINS[which], np.random.default_rng([seed, 2])
    if name in GAP_BINS:
        return _gap(model, name, seed, rng, clock)
    crystal = drawn_crystal(MASK_SIDE, rng, CRYSTALS)
    if name == PIXEL_BIN:
        flaws = drawn_flaws(crystal.expected, FlawRange(odds=NONE | {"pixels": 1.0, "zingers": 1.0}), rng)
        flaws = replace(flaws, dead_pixels=0)
    else:
        range_ = FlawRange(odds=NONE | {"aliens": 1.0}, alien_strength=ALIEN_BINS[name])
        flaws = drawn_flaws(crystal.expected, range_, rng)
    return _masks(model, f"{name}, seed {seed}", example(crystal, flaws, rng), clock)


def _masks(model: Model, title: str, seen: Example, clock: Clock) -> Judgement:
    curve = curve_of(seen.counts, seen.known, title)
    options = PrepareOptions(cleaning=CONTROL_STEPS, models={NAME: model})
    found: dict[str, BoolArray] = {}
    cpu_s: dict[str, float] = {}

    def take(arm: str, work: Callable[[], BoolArray]) -> None:
        begun = clock()
        found[arm] = work()
        cpu_s[arm] = clock() - begun

    plain = scene_of(curve)
    control = cleaned(curve, replace(options, models={}))
    take("learned", lambda: lost(plain.after(NAME, find_spurious(plain, options))))
    take("control", lambda: lost(cleaned(curve, replace(options, models={}))))
    take("both", lambda: found["control"] | lost(control.after(NAME, find_spurious(control, options))))
    if seen.hot.any():
        take("MAD", lambda: mad_outliers(seen.counts, seen.known))
    values: dict[tuple[str, str], Values] = {}
    for arm, mask in found.items():
        values |= {(measure, arm): value for measure, value in _of_mask(mask, seen).items()}
    iou = values.get(("alien IoU", "learned"), (1.0,))[0]
    return Judgement(values, cpu_s, _mask_picture(title, seen, found, 1.0 - iou))


def _of_mask(mask: BoolArray, seen: Example) -> dict[str, Values]:
    """Values by measure."""
    spoilt = seen.alien | seen.hot
    total = float(seen.crystal.sum(dtype=np.float64))
    values: dict[str, Values] = {"signal lost": (float(seen.crystal[mask & ~spoilt].sum(dtype=np.float64)) / total,)}
    if seen.hot.any():
        values["hot voxels found"] = (float((mask & seen.hot).sum()), float(seen.hot.sum()))
    if seen.alien.sum() >= FEWEST_ALIEN:
        values["alien IoU"] = (float((mask & seen.alien).sum() / (mask | seen.alien).sum()),)
        strange = np.where(seen.alien, np.maximum(seen.counts - seen.crystal, 0.0), 0.0)
        values["alien counts found"] = (float(strange[mask].sum() / max(strange.sum(), 1.0)),)
    return values


def _gap(model: Model, name: str, seed: int, rng: np.random.Generator, clock: Clock) -> Judgement:
    phased = seed % PHASED == 0
    crystal = drawn_crystal(GAP_SIDE, rng, PHASABLE if phased else CRYSTALS)
    range_ = FlawRange(gap_px=GAP_BINS[name], odds=NONE | {"gap": 1.0})
    flaws: DetectorFlaws = drawn_flaws(crystal.expected, range_, rng)
    seen = example(crystal, flaws, rng)
    center = (GAP_SIDE // 2,) * 3
    logs: dict[str, NDArray[np.float32]] = {}
    cpu_s: dict[str, float] = {}
    for arm, work in (
        ("learned", lambda: answered(model, seen.counts, seen.known, center).log_mean),
        ("biharmonic", lambda: biharmonic(seen.counts, seen.hidden)),
        ("mirror image", lambda: from_mirror(seen.counts, seen.known, center)),
    ):
        begun = clock()
        logs[arm] = work()
        cpu_s[f"gap, {arm}"] = clock() - begun
    truth = np.log1p(seen.crystal)
    values: dict[tuple[str, str], Values] = {
        ("gap correlation", arm): (_correlation(log[seen.hidden], truth[seen.hidden]),) for arm, log in logs.items()
    }
    if phased:
        scene = scene_of(curve_of(seen.counts, seen.known, "gap"))
        put, unknown, *_ = filled(scene, seen.counts, ~seen.known, (0, 0, 0), (GAP_SIDE / 2,) * 3, model)
        whole = np.where(seen.hidden, np.expm1(logs["biharmonic"]), seen.counts).astype(np.float32)
        volumes = {
            "masked": (seen.counts, ~seen.known),
            "learned": (put, unknown),
            "biharmonic": (whole, np.zeros_like(seen.known)),
        }
        values |= {("strain error", arm): (error,) for arm, error in strain_errors(crystal, volumes).items()}
    title = f"{name}, seed {seed}"
    return Judgement(values, cpu_s, _gap_picture(title, seen, logs, 1.0 - values["gap correlation", "learned"][0]))


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if a.size > 1 and a.std() > 0 and b.std() > 0 else float("nan")


def _mask_picture(title: str, seen: Example, found: dict[str, BoolArray], badness: float) -> Picture:
    spoilt = seen.alien | seen.hot
    frame = int(np.argmax(spoilt.sum(axis=(1, 2))))
    panels = (
        ("log(1 + I)", np.log1p(seen.counts[frame])), ("truth", spoilt[frame].astype(float)),
        ("learned", found["learned"][frame].astype(float)), ("cleaning steps", found["control"][frame].astype(float)),
    )  # fmt: skip
    return Picture(title, panels, badness)


def _gap_picture(title: str, seen: Example, logs: dict[str, NDArray[np.float32]], badness: float) -> Picture:
    frame = len(seen.counts) // 2
    measured = np.log1p(seen.counts[frame])
    panels = [("log(1 + I), gap", measured), ("truth", np.log1p(seen.crystal[frame]))]
    panels += [(arm, np.where(seen.hidden[frame], log[frame], measured)) for arm, log in logs.items()]
    return Picture(title, tuple(panels), badness)
