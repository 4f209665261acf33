"""Strain and tilt of what the beam lights, from one frame: the place of the mean lattice on the detector.

The network starts as a centre of mass and learns which counts to believe: a map of weights, whose mean place is the
answer, corrected by a few numbers of the whole frame. Strain along Q = strain_per_px row, tilt = tilt_rad_per_px
column.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from braggline_models.learned.figures import mean, median
from braggline_models.learned.frame_strain_data import KINDS, POOL, SIDE, Frame, drawn_frame, known
from braggline_models.learned.model import Model
from braggline_models.learned.task import Batch, Clock, Judgement, Measure, Picture, Task, Values
from braggline_models.maps.reduce import background_level, peak_center
from braggline_models.scan import BoolArray

CELL, WIDTH, FEATURES = 4, 24, 8
DILATIONS = (1, 2, 4)  # of cells: the whole frame is seen
CORRECTION_PX = 8.0  # at most by what the whole frame tells beside the weights: a peak that the ROI cuts
TEST_POOL = 1_000_000  # seeds of test crystals: none of the training's
CONTROL_HALF_PX, CONTROL_SEEK_PX = 10, 9  # tuned on 600 frames of the training's kind
COVER = 1.96  # standard deviations that should hold 95 %


class Locator(nn.Module):
    """(n, 2, 64, 64) log(1 + counts) and mask (1 where no data) to (n, 4): row, column in px from the middle, and the
    logarithms of their variances. Convolutions over cells of 4 x 4 pixels: a frame must take less than a millisecond.
    """

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(2 * CELL**2, WIDTH, 3, padding=1)
        self.body = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 3, padding=d, dilation=d) for d in DILATIONS)
        self.leave = nn.Conv2d(WIDTH, CELL**2 + FEATURES, 1)
        self.whole = nn.Sequential(nn.Linear(2 * FEATURES + 6, 48), nn.SiLU(), nn.Linear(48, 4))
        self.sharpness = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        counts, mask = x[:, :1], x[:, 1:]
        seen = self.enter(nn.functional.pixel_unshuffle(x, CELL))
        for layer in self.body:
            seen = seen + layer(nn.functional.silu(seen))
        seen = self.leave(nn.functional.silu(seen))
        learned, features = nn.functional.pixel_shuffle(seen[:, : CELL**2], CELL), seen[:, CELL**2 :]
        raw = torch.expm1(counts)
        logits = self.sharpness * torch.log(raw + 1e-3) + learned - 20.0 * mask
        weights = torch.softmax(logits.flatten(1), dim=1).reshape(-1, 1, SIDE, SIDE)
        steps = torch.arange(SIDE, device=x.device, dtype=x.dtype) - SIDE // 2
        by_row, by_column = weights.sum(dim=(1, 3)), weights.sum(dim=(1, 2))
        at = torch.stack([by_row @ steps, by_column @ steps], dim=1)
        spread = torch.stack([by_row @ steps.square(), by_column @ steps.square()], dim=1) - at.square()
        by_cell = nn.functional.avg_pool2d(weights, CELL) * float(CELL**2)
        told = torch.cat(
            [
                (features * by_cell).sum(dim=(2, 3)), features.mean(dim=(2, 3)), at / 16.0,
                torch.log1p(spread.clamp_min(0.0)), torch.log1p(raw.sum(dim=(2, 3))) / 5.0, mask.mean(dim=(2, 3)),
            ],
            dim=1,
        )  # fmt: skip
        more = self.whole(told)
        return torch.cat([at + CORRECTION_PX * torch.tanh(more[:, :2]), more[:, 2:].clamp(-8.0, 8.0)], dim=1)


def frame_input(counts: NDArray[np.generic], mask: BoolArray) -> torch.Tensor:
    """(1, 2, 64, 64) of one frame's ROI; counts (64, 64), mask True where no data."""
    values = np.log1p(np.where(mask, 0, counts).astype(np.float32))
    return torch.from_numpy(np.stack([values, mask.astype(np.float32)])[None])


class FrameStrain(Task):
    name = "frame_strain"
    version = 1
    aim = (
        "Strain along Q and tilt of the part of a crystal that a nano-beam lights, from one frame, with uncertainties."
    )
    control = (
        f"centre of mass of the brightest peak, in a window of +-{CONTROL_HALF_PX} px that follows it, background "
        "subtracted (window and search box tuned over 18 pairs on frames of the training's kind); beside it, the "
        "centre of mass of the whole ROI"
    )
    data_range = (
        f"{POOL} drawn crystals (phase range 0-12 rad, defects in half of them, diameter 0.1-0.46 of the field of "
        "view) in beams of 0.4-2 diameters, 64x64 pixels, 30-1e5 counts, background, gaps, hot pixels, ROIs that cut "
        "the peak, a second crystal"
    )
    steps = 1200
    batch_size = 32
    learning_rate = 3e-3
    bins = KINDS
    notes = (
        "One training of this network; a U-Net of 55 000 parameters was timed at twice the CPU a frame and left out. "
        "On clean, dim and doubled frames it is no better than the centre of mass in the median, and worse in "
        "tilt where there are two crystals: strain inside the lit part and an angle off the peak spread the frame, "
        "which no single frame tells. It is better where pixels are missing or false, and has fewer gross errors "
        "everywhere. Hot pixels here are unknown to both: where they are masked beforehand, as in `braggline map`, "
        "the control does not suffer from them. A frame alone takes more than the wanted millisecond on a busy "
        "core; sixteen together take about half a millisecond each. Nothing uses it by default."
    )
    measures = {  # noqa: RUF012
        "strain error": Measure(median, "lower", None, unit="1e-5, median"),
        "strain error, mean": Measure(mean, "lower", None, unit="1e-5"),
        "tilt error": Measure(median, "lower", None, unit="urad, median"),
        "within two deviations": Measure(mean, "higher", None, against="expected"),
    }

    def network(self) -> torch.nn.Module:
        return Locator()

    def batch(self, rng: np.random.Generator) -> Batch:
        crystals = [known(int(k)) for k in rng.integers(POOL, size=self.batch_size // 4 + 1)]
        frames = []
        for k in range(self.batch_size):
            kinds = frozenset(kind for kind in KINDS[2:] if rng.random() < 0.25)
            frames.append(drawn_frame(rng, crystals[k // 4], crystals[k // 4 + 1], kinds))
        inputs = torch.cat([frame_input(frame.counts, frame.gap) for frame in frames])
        return Batch(inputs, (torch.from_numpy(np.stack([f.lattice_px for f in frames])).float(),))

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """-log of a Laplace distribution: a few frames without an answer must not rule the rest."""
        found = network(batch.inputs)
        width = torch.exp(0.5 * found[:, 2:]) / np.sqrt(2.0)
        error = (found[:, :2] - batch.targets[0]).abs()
        return (error / width + torch.log(2.0 * width)).mean()

    def features(self, inputs: torch.Tensor) -> NDArray[np.float64]:
        """log counts, brightest pixel, share of lit pixels, masked share."""
        counts = torch.expm1(inputs[:, 0].double())
        rows = [
            torch.log1p(counts.sum(dim=(1, 2))), torch.log1p(counts.amax(dim=(1, 2))),
            (counts > 0).double().mean(dim=(1, 2)), inputs[:, 1].double().mean(dim=(1, 2)),
        ]  # fmt: skip
        return torch.stack(rows, dim=1).numpy()

    def judge(self, model: Model, which: int, seed: int, clock: Clock) -> Judgement:
        rng = np.random.default_rng(seed)
        frame = drawn_frame(rng, known(TEST_POOL + seed), known(TEST_POOL + seed + 1), frozenset({KINDS[which]}))
        begun = clock()
        place, deviation = located(model, frame.counts, frame.gap)
        middle = clock()
        by_mass = centre_of_mass(frame.counts, frame.gap)
        ended = clock()
        arms = {"learned": place, "control": by_mass, "whole ROI": whole_roi(frame.counts, frame.gap)}
        values: dict[tuple[str, str], Values] = {}
        for arm, at in arms.items():
            off = np.abs(at - frame.lattice_px)
            strain = 1e5 * abs(frame.strain_per_px) * float(off[0])
            values["strain error", arm] = values["strain error, mean", arm] = (strain,)
            values["tilt error", arm] = (1e6 * frame.tilt_rad_per_px * float(off[1]),)
        inside = np.abs(place - frame.lattice_px) < COVER * deviation
        values["within two deviations", "learned"] = (float(inside.mean()),)
        values["within two deviations", "expected"] = (0.95,)
        return Judgement(values, {"learned": middle - begun, "control": ended - middle}, _picture(frame, arms, which))


def located(
    model: Model, counts: NDArray[np.generic], mask: BoolArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Row and column of the lit lattice's peak from the middle of a frame's ROI (64, 64), and their deviations, px."""
    answer = model(frame_input(counts, mask))[0].double().numpy()
    return answer[:2], np.exp(0.5 * answer[2:])


def centre_of_mass(
    counts: NDArray[np.generic], mask: BoolArray, half_px: int = CONTROL_HALF_PX, seek_px: int = CONTROL_SEEK_PX
) -> NDArray[np.float64]:
    """Row and column from the middle, of the brightest peak; the middle where nothing was counted."""
    values, free = np.where(mask, 0, counts).astype(np.float64), ~mask
    row, column, *_ = peak_center(values, free, background_level(values, free), half_px, seek_px)
    return np.nan_to_num(np.array([row, column]) - SIDE // 2)


def whole_roi(counts: NDArray[np.generic], mask: BoolArray) -> NDArray[np.float64]:
    """The same of all counts, as ROI counters tell it."""
    values = np.where(mask, 0, counts).astype(np.float64)
    steps, total = np.arange(SIDE) - SIDE // 2, max(float(values.sum()), 1.0)
    return np.array([values.sum(axis=1) @ steps, values.sum(axis=0) @ steps]) / total


def _picture(frame: Frame, arms: dict[str, NDArray[np.float64]], which: int) -> Picture:
    shown = np.where(frame.gap, np.nan, np.log1p(frame.counts.astype(float)))
    panels = [("log counts", shown)]
    for label, at in (("truth", frame.lattice_px), ("learned", arms["learned"]), ("control", arms["control"])):
        marked = np.nan_to_num(shown).copy()
        row, column = (int(np.clip(round(float(v)) + SIDE // 2, 0, SIDE - 1)) for v in at)
        marked[row, :], marked[:, column] = marked.max(), marked.max()
        panels.append((label, marked))
    off = float(np.abs(arms["learned"] - frame.lattice_px).max())
    return Picture(f"{KINDS[which]}: {off:.1f} px off", tuple(panels), off)


TASK = FrameStrain()
