"""From which share of the frames on the previews told what the final result says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from braggline_models.phase_retrieval.carry import foreseen
from braggline_models.results import Reconstruction
from braggline_models.scan import PreparedVolume
from braggline_service.stages.pipeline import Pass

AGREES = 0.9  # complex correlation with the final object
MOST_KEPT = 12  # previews: a slow scan has many, and each is some megabytes


@dataclass
class Foresight:
    """Keeps the object of each preview and compares them with the final one when it is there."""

    _previews: list[tuple[float, Reconstruction, PreparedVolume]] = field(default_factory=list)

    def add(self, share: float, preview: Pass) -> None:
        """Remember a preview from this share of the frames; of very many, every other one."""
        shape = preview.volume.intensity.shape
        grid = replace(  # where its voxels lie, without what was counted there
            preview.volume, intensity=np.broadcast_to(np.float32(0), shape), mask=np.broadcast_to(np.False_, shape)
        )
        self._previews.append((share, preview.reconstruction, grid))
        if len(self._previews) > MOST_KEPT:
            del self._previews[::2]

    def fraction(self, final: Pass) -> float:
        """The share of the frames from which on every preview agrees with the final object; NaN where none does."""
        since = float("nan")
        for share, result, volume in reversed(self._previews):
            if foreseen(result, volume, final.reconstruction, final.volume) < AGREES:
                break
            since = share
        return since
