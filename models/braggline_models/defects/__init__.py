"""Where the lattice is broken, as far as the reflection can see it."""

from braggline_models.defects.lines import find_lines

__all__ = ["find_lines"]
