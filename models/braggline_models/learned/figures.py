"""Figures of all objects, with intervals by object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

RESAMPLINGS = 1000
Statistic = Callable[[NDArray[np.float64]], float]


@dataclass(frozen=True)
class Figure:
    """One number of a card: its 95 % interval is by bootstrap over the objects."""

    measure: str
    bin: str
    arm: str
    value: float
    low: float
    high: float
    objects: int


def figure(measure: str, bin_: str, arm: str, values: NDArray[np.float64], of: Statistic) -> Figure:
    """`of` of values (n_objects, k), and of as many drawn anew with replacement: the interval of Efron (1979)."""
    rng = np.random.default_rng(0)
    n = len(values)
    drawn = [of(values[rng.integers(0, n, n)]) for _ in range(RESAMPLINGS)]
    finite = [value for value in drawn if np.isfinite(value)]
    low, high = np.quantile(finite, (0.025, 0.975)) if finite else (np.nan, np.nan)
    return Figure(measure, bin_, arm, of(values), float(low), float(high), n)


def mean(values: NDArray[np.float64]) -> float:
    """Of the first column, NaN left out."""
    known = values[np.isfinite(values[:, 0]), 0]
    return float(known.mean()) if known.size else float("nan")


def median(values: NDArray[np.float64]) -> float:
    """Of the first column, NaN left out."""
    known = values[np.isfinite(values[:, 0]), 0]
    return float(np.median(known)) if known.size else float("nan")


def share(values: NDArray[np.float64]) -> float:
    """sum of the first column over sum of the second: a recall, a precision, an IoU over all objects."""
    total = values[:, 1].sum()
    return float(values[:, 0].sum() / total) if total > 0 else float("nan")


def f1(values: NDArray[np.float64]) -> float:
    """2 TP / (2 TP + FP + FN) of columns true positives, false positives, false negatives."""
    hit, false, missed = values.sum(axis=0)
    return float(2 * hit / (2 * hit + false + missed)) if hit + false + missed > 0 else float("nan")


def auc(values: NDArray[np.float64]) -> float:
    """P(score of a success > score of a failure), ties by half: Mann and Whitney; columns score, success (0 or 1)."""
    known = values[np.isfinite(values).all(axis=1)]
    good = known[:, 1] > 0.5
    n_good, n_bad = int(good.sum()), int((~good).sum())
    if not n_good or not n_bad:
        return float("nan")
    return float((rankdata(known[:, 0])[good].sum() - n_good * (n_good + 1) / 2) / (n_good * n_bad))
