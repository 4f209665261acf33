"""The crystals of a map with what a learned model expects of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from braggline_models.learned.model import Model
from braggline_models.learned.ranking_view import PATCH, CandidateView, centered_frame, packed
from braggline_models.maps import Candidate, patch
from braggline_service.sources.map_scan import MapScan

UNIT_M = 20e-9  # of the network's resolution


@dataclass(frozen=True)
class Expected:
    """Of candidate `number`: probability that phasing succeeds, the resolution if it does, in m; outside: how far from
    what the model was trained on, above 1 it should not be believed."""

    number: int
    probability: float
    resolution_m: float
    outside: float


def expected(scan: MapScan, crystals: Sequence[Candidate], model: Model) -> tuple[Expected, ...]:
    """The best first; those outside the model's range last."""
    found = []
    for crystal in crystals:
        frame = scan.frames([crystal.point])[0]
        peak = (float(scan.map.row_px[crystal.point]), float(scan.map.column_px[crystal.point]))
        inputs = packed(
            CandidateView(patch(scan.map, crystal.position_m, PATCH), centered_frame(frame, scan.mask, peak))
        )
        answer = model(inputs)[0].double().numpy()
        probability = float(1.0 / (1.0 + np.exp(-answer[0])))
        found.append(Expected(crystal.number, probability, UNIT_M * float(np.exp(answer[1])), model.outside(inputs)))
    return tuple(sorted(found, key=lambda e: (e.outside > 1.0, -e.probability)))
