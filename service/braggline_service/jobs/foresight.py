"""From which share of the frames on the previews told what the final result says."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from braggline_models.phase_retrieval.carry import foreseen
from braggline_models.results import Reconstruction
from braggline_models.scan import PreparedVolume
from braggline_service.stages.pipeline import Pass

AGREES = 0.9  # complex correlation with the final object
MOST_KEPT = 40  # previews: a slow scan has many


@dataclass
class Foresight:
    """Keeps the object of each preview and compares them with the final one when it is there."""

    _previews: list[tuple[float, Reconstruction, PreparedVolume]] = field(default_factory=list)

    def add(self, share: float, preview: Pass) -> None:
        """Remember a preview from this share of the frames; of very many, every other one."""
        self._previews.append((share, preview.reconstruction, preview.volume))
        if len(self._previews) > MOST_KEPT:
            del self._previews[::2]

    def correlations(self, final: Pass) -> list[tuple[float, float]]:
        """(share of the frames, complex correlation with the final object) of each preview."""
        return [
            (share, foreseen(result, volume, final.reconstruction, final.volume))
            for share, result, volume in self._previews
        ]

    def fraction(self, final: Pass) -> float:
        """The share of the frames from which on every preview agrees with the final object; NaN where none does."""
        since = float("nan")
        for share, correlation in reversed(self.correlations(final)):
            if correlation < AGREES:
                break
            since = share
        return since if np.isfinite(since) else float("nan")
