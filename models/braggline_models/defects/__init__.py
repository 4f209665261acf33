"""Where the lattice is broken, as far as the reflection can see it."""

from braggline_models.defects.lines import find_lines
from braggline_models.defects.suspects import Suspect, suspects, told_by_rule

__all__ = ["Suspect", "find_lines", "suspects", "told_by_rule"]
