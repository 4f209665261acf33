"""What the pattern tells before the map does: how probable a defect is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from braggline_models.scan import PreparedVolume

if TYPE_CHECKING:
    from braggline_models.learned.model import Model


def triaged(volume: PreparedVolume, models: Mapping[str, Model]) -> Mapping[str, float | None]:
    """{"defect_probability"}: None where the pattern is unlike those of the training; empty without the model."""
    if (model := models.get("triage")) is None:
        return {}
    from braggline_models.learned.triage import defect_probability

    probability, outside = defect_probability(model, volume)
    return {"defect_probability": probability if outside <= 1.0 else None}
