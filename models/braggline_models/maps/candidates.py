"""Crystals that a map shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Candidate:
    """One crystal of a map.

    number       from 1, by counts;  position_m  of its centroid along the map's axes, between the points
    extent_m     full width at half maximum along each axis, of crystal and beam together
    counts       above what is around, over all points that it covers;  significance  in standard deviations
    point        index of the brightest point;  points  of all that it covers
    peak_px      mean row and column of its Bragg peak;  spread_px  rms by which they differ from point to point
    whole        measured on all sides
    """

    number: int
    position_m: tuple[float, float]
    extent_m: tuple[float, float]
    counts: float
    significance: float
    point: int
    points: tuple[int, ...]
    peak_px: tuple[float, float]
    spread_px: tuple[float, float]
    whole: bool


def renumbered(
    found: Sequence[Candidate], before: Sequence[Candidate], step_m: tuple[float, float]
) -> tuple[Candidate, ...]:
    """`found` with the numbers that the same crystals had `before`; new ones come after the highest of those.

    The same is what has moved by less than two steps, nearest pairs first: a map that grows keeps its numbers.
    """
    taken: dict[int, int] = {}
    pairs = sorted(
        (float(np.hypot(*(np.subtract(a.position_m, b.position_m) / step_m))), i, b.number)
        for i, a in enumerate(found) for b in before
    )  # fmt: skip
    for distance, i, number in pairs:
        if distance < 2.0 and i not in taken and number not in taken.values():
            taken[i] = number
    following = max((b.number for b in before), default=0)
    numbered = []
    for i, candidate in enumerate(found):
        if i not in taken:
            following += 1
        numbered.append(replace(candidate, number=taken.get(i, following)))
    return tuple(numbered)
