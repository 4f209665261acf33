"""Is this like what the model was trained on?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braggline_models.scan import BoolArray

QUANTILE = 0.995  # of the training inputs lies within the limit
SLACK = 1.5  # times that quantile: only what is clearly outside is refused
RIDGE = 1e-3  # of a feature's variance, so that one that hardly varies does not decide alone


@dataclass(frozen=True)
class KnownRange:
    """mean (k,) and precision (k, k) of the training features, and the largest distance that counts as inside."""

    mean: NDArray[np.float64]
    precision: NDArray[np.float64]
    limit: float

    def score(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """sqrt((f - mean) precision (f - mean)) / limit, (n,): above 1 is outside; inf where a feature is no number.

        Mahalanobis' distance, Proc. Natl. Inst. Sci. India 2, 49 (1936).
        """
        finite: BoolArray = np.all(np.isfinite(features), axis=1)
        away = np.where(finite[:, None], features, 0.0) - self.mean
        distance = np.sqrt(np.einsum("nk,kl,nl->n", away, self.precision, away)) / self.limit
        return np.where(finite, distance, np.inf)


def fitted_range(features: NDArray[np.float64]) -> KnownRange:
    """The range of these training features (n, k)."""
    mean = features.mean(axis=0)
    covariance = np.atleast_2d(np.cov(features, rowvar=False))
    covariance += np.diag(RIDGE * np.diag(covariance) + 1e-9)
    precision: NDArray[np.float64] = np.linalg.inv(covariance).astype(np.float64)
    known = KnownRange(mean, precision, 1.0)
    return KnownRange(mean, precision, SLACK * float(np.quantile(known.score(features), QUANTILE)))
