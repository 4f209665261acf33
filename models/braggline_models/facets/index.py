"""A crystal's axes, from its reflection and one more direction or its faces."""

from __future__ import annotations

from functools import cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.scan import Sample

FAMILIES = ((1, 1, 1), (1, 0, 0), (1, 1, 0), (3, 1, 1), (2, 1, 0), (2, 1, 1))
PRICE = (1.0, 1.0, 0.9, 0.6, 0.5, 0.5)  # what a face on a plane of the family says for the axes: low indices are likely
SHARP_DEG = 3.0
STEP_DEG = 0.5
CONVINCING = 0.3  # the least of the score, which is 1 where every face lies on a plane
OVER_CHANCE = 2.5  # and over that of the median turn


def crystal_axes(
    q: NDArray[np.float64], sample: Sample, normals: NDArray[np.float64], areas: NDArray[np.float64]
) -> tuple[NDArray[np.float64] | None, str]:
    """(3, 3), columns [100], [010], [001] in the frame of q, and 'given' or 'facets'; None and '' where not known.

    Q is h k l; the turn about it: u v w points along x as nearly as it can, or the one that lays the faces, (n, 3)
    normals with their areas, onto low-index planes, if that is far better than chance. Turns that the symmetry about
    h k l makes equal cannot be told apart: the smallest is taken. BadInput where u v w is parallel to h k l.
    """
    if sample.reflection is None:
        return None, ""
    if sample.in_plane is not None:
        along = np.cross(sample.reflection, sample.in_plane)
        if not along.any():
            raise BadInput(f"in_plane {sample.in_plane} is parallel to reflection {sample.reflection}; give another")
        return _turned(q, sample.reflection, np.array(sample.in_plane, float), 0.0), "given"
    if len(normals) < 4:
        return None, ""
    any_other = np.array([1.0, 0, 0] if sample.reflection[1] or sample.reflection[2] else [0, 1.0, 0])
    turns = np.arange(0.0, 360.0, STEP_DEG)
    scores = np.array([_score(_turned(q, sample.reflection, any_other, turn), normals, areas) for turn in turns])
    best = scores.max()
    if best < CONVINCING or best < OVER_CHANCE * np.median(scores):
        return None, ""
    first = turns[int(np.flatnonzero(scores > 0.98 * best)[0])]
    near = turns[np.abs(turns - first) <= 5.0]
    peak = near[int(np.argmax(scores[np.isin(turns, near)]))]
    return _turned(q, sample.reflection, any_other, float(peak)), "facets"


def nearest_plane(normal: NDArray[np.float64]) -> tuple[tuple[int, int, int], float]:
    """The low-index plane nearest to a unit normal in crystal axes, and the angle to it in deg."""
    planes, units, price = _planes()
    angle = np.rad2deg(np.arccos(np.clip(units @ normal, -1.0, 1.0)))
    best = int(np.argmin(angle / price))
    return (int(planes[best, 0]), int(planes[best, 1]), int(planes[best, 2])), float(angle[best])


def _turned(
    q: NDArray[np.float64], hkl: tuple[int, int, int], toward: NDArray[np.float64], turn_deg: float
) -> NDArray[np.float64]:
    """Axes that put hkl along q and `toward`, as nearly as they can, along x turned about q by turn_deg."""
    x = np.array([1.0, 0.0, 0.0]) if abs(q[0]) < 0.99 * np.linalg.norm(q) else np.array([0.0, 1.0, 0.0])
    frame, crystal = _triad(q, x), _triad(np.array(hkl, float), toward)
    angle = np.deg2rad(turn_deg)
    about = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    return np.asarray(frame @ about @ crystal.T)


def _triad(main: NDArray[np.float64], side: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns: main, the part of side across it, their cross product; all unit."""
    first = main / np.linalg.norm(main)
    second = side - (side @ first) * first
    second /= np.linalg.norm(second)
    return np.stack([first, second, np.cross(first, second)], axis=1)


def _score(axes: NDArray[np.float64], normals: NDArray[np.float64], areas: NDArray[np.float64]) -> float:
    _, units, price = _planes()
    angle = np.rad2deg(np.arccos(np.clip(normals @ axes @ units.T, -1.0, 1.0)))
    return float(areas @ np.max(price * np.exp(-0.5 * np.square(angle / SHARP_DEG)), axis=1) / areas.sum())


@cache
def _planes() -> tuple[NDArray[np.int_], NDArray[np.float64], NDArray[np.float64]]:
    planes, price = [], []
    for family, worth in zip(FAMILIES, PRICE, strict=True):
        signs = product((-1, 1), repeat=3)
        members = {
            tuple(s * i for s, i in zip(sign, order, strict=True)) for sign in signs for order in permutations(family)
        }
        planes += sorted(members)
        price += [worth] * len(members)
    found = np.array(planes)
    return found, found / np.linalg.norm(found, axis=1, keepdims=True), np.array(price)
