"""From intensities to a complex object: recipes, runs, and what they agree on."""

from braggline_models.phase_retrieval.ensemble import Ensemble, Progress
from braggline_models.phase_retrieval.recipe import Recipe
from braggline_models.phase_retrieval.schedule import parse

__all__ = ["Ensemble", "Progress", "Recipe", "parse"]
