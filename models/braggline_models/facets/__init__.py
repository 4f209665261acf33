"""The flat faces of a crystal, and what they tell of its axes."""

from braggline_models.facets.find import find_facets

__all__ = ["find_facets"]
