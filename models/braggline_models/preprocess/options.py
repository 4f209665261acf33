"""What to keep of a rocking curve, and which cleaning steps to take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from braggline_models.learned.model import Model

Background = float | Literal["auto"]
ALL_STEPS = ("dead", "zingers", "hot", "aliens", "saturated")  # a zinger is no reason to give up its pixel: before hot


@dataclass(frozen=True)
class PrepareOptions:
    """What to keep.

    background_counts  counts up to this in one raw pixel are taken for noise and set to 0; auto: see background.py
    bin_frames         None: chosen by the oversampling ratio
    at_least_px        rows, columns: a window that has grown does not shrink again
    cleaning           names of STEPS in cleaning.py, in their order; () leaves every count as it is
    models             learned models that take part, by name
    fill_gaps          where the model 'spurious' is sure enough of what lies there (spurious.py), else they are unknown
    normalise          correct for flat field, dark, dead time, monitor and attenuator, where they are known
    """

    largest_px: int = 128
    background_counts: Background = 0.0
    bin_frames: int | None = None
    at_least_px: tuple[int, int] = (0, 0)
    cleaning: tuple[str, ...] = ALL_STEPS
    normalise: bool = True
    models: Mapping[str, Model] = field(default_factory=dict)
    fill_gaps: bool = False
