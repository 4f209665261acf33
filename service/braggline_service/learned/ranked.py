"""The crystals of a map with what is expected of their rocking curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from braggline_models.learned.model import Model
from braggline_models.learned.ranking_view import PATCH, CandidateView, centered_frame, packed
from braggline_models.maps import Candidate, patch
from braggline_models.maps.prospect import prospect
from braggline_service.sources.map_scan import MapScan

UNIT_M = 20e-9  # of the network's resolution


@dataclass(frozen=True)
class Expected:
    """Of candidate `number`: probability that phasing succeeds; the resolution if it does, in m, NaN where nobody tells
    it; outside: how far from what the model was trained on, above 1 it should not be believed."""

    number: int
    probability: float
    resolution_m: float = float("nan")
    outside: float = 0.0


def expected(scan: MapScan, crystals: Sequence[Candidate], model: Model | None = None) -> tuple[Expected, ...]:
    """By `prospect`, or by the network `model`: the best first; those outside the model's range last."""
    found = [_expected(crystal.number, _seen(scan, crystal), model) for crystal in crystals]
    return tuple(sorted(found, key=lambda e: (e.outside > 1.0, -e.probability)))


def _seen(scan: MapScan, crystal: Candidate) -> CandidateView:
    frame = scan.frames([crystal.point])[0]
    peak = (float(scan.map.row_px[crystal.point]), float(scan.map.column_px[crystal.point]))
    return CandidateView(patch(scan.map, crystal.position_m, PATCH), centered_frame(frame, scan.mask, peak))


def _expected(number: int, view: CandidateView, model: Model | None) -> Expected:
    if model is None:
        return Expected(number, prospect(view.patch, view.frame))
    inputs = packed(view)
    answer = model(inputs)[0].double().numpy()
    probability = float(1.0 / (1.0 + np.exp(-answer[0])))
    return Expected(number, probability, UNIT_M * float(np.exp(answer[1])), model.outside(inputs))
