"""What JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """Python's own numbers, lists and mappings; None for what is not finite: other programs read no NaN."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "item") and not isinstance(value, str):  # a scalar of numpy, which a command's start does without
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
