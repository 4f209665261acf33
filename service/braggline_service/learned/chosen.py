"""The models that a recipe asks for; one that cannot be had is told, and the pipeline goes on without it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from braggline_models.errors import BadInput

if TYPE_CHECKING:
    from braggline_models.learned.model import Model

logger = logging.getLogger(__name__)


def chosen_models(names: Sequence[str], folder: Path | None = None) -> tuple[Mapping[str, Model], tuple[str, ...]]:
    """Models by name, and a flag for each that could not be loaded. Without `names` torch stays away."""
    models: dict[str, Model] = {}
    flags: list[str] = []
    if names:
        from braggline_service.learned.weights import SHIPPED, load_model

        for name in names:
            try:
                models[name] = load_model(name, folder or SHIPPED)
            except BadInput as error:
                logger.warning("learned model '%s' is left out: %s", name, error)
                flags.append(f"without the learned model '{name}': {error}")
    return models, tuple(flags)
