"""Peak, width and noise floor of a rocking curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from braggline_models.scan import FloatArray

FEWEST_POINTS = 5
NOISE_SIGMAS = 3.0
REWEIGHTINGS = 5
FEWEST_SIGNAL_COUNTS = 30.0  # a frame with less, spread over its fringes, moves no phase


@dataclass(frozen=True)
class CurveShape:
    """peak_deg and fwhm_deg; the tail C / (angle - peak)^2 over a floor b; where it drowns in the noise.

    signal_half_width_deg  |angle - peak| at which the tail falls to 3 sigma of its own Poisson noise, by the fit:
                           beyond the measured range this is an extrapolation
    contrast               highest frame over the noise of the floor, in sigma
    """

    peak_deg: float
    fwhm_deg: float
    floor_counts: float
    tail_counts_deg2: float
    signal_half_width_deg: float
    contrast: float


def curve_shape(angle_deg: FloatArray, counts: FloatArray) -> CurveShape | None:
    """None where there is no peak to speak of: fewer than 5 points, or nothing 5 sigma above the floor.

    A facet's truncation rod makes the intensity fall with q^-2 once a frame is summed over its pixels (q^-4 in the
    volume, Porod 1951): I(d) = C / d^2 + b, fitted with C, b >= 0 and Poisson weights outside the peak.
    The signal s = C / d^2 equals k sigma, sigma^2 = b + s, at s = k (k + sqrt(k^2 + 4 b)) / 2.
    """
    angle, counts = np.asarray(angle_deg, np.float64), np.asarray(counts, np.float64)
    if len(angle) < FEWEST_POINTS or not np.isfinite(counts).all():
        return None
    top = int(np.argmax(counts))
    floor = float(np.median(np.sort(counts)[: max(len(counts) // 5, 1)]))
    contrast = (counts[top] - floor) / np.sqrt(max(floor, 1.0))
    if contrast < 5.0:
        return None
    above = np.where(counts - floor > (counts[top] - floor) / 2, counts - floor, 0.0)
    lobe = _lobe(above, top)
    peak = float(np.average(angle[lobe], weights=above[lobe]))
    fwhm = max(float(np.ptp(angle[lobe])), float(np.median(np.diff(angle))))
    tail, base = _tail(angle - peak, counts, fwhm)
    k = NOISE_SIGMAS
    least = max(k * (k + np.sqrt(k * k + 4 * base)) / 2, FEWEST_SIGNAL_COUNTS)
    return CurveShape(peak, fwhm, base, tail, float(np.sqrt(tail / least)), float(contrast))


def _lobe(above: FloatArray, top: int) -> slice:
    """The frames around `top` that are above half of it, without a gap."""
    empty = np.flatnonzero(above == 0.0)
    left, right = empty[empty < top], empty[empty > top]
    return slice(left[-1] + 1 if len(left) else 0, right[0] if len(right) else len(above))


def _tail(distance_deg: FloatArray, counts: FloatArray, fwhm_deg: float) -> tuple[float, float]:
    outside = np.abs(distance_deg) > 1.5 * fwhm_deg
    if np.count_nonzero(outside) < 4:  # the scan hardly leaves the peak: all of it is signal
        outside = np.abs(distance_deg) >= 0.5 * np.max(np.abs(distance_deg))
    d, y = distance_deg[outside], counts[outside]
    scale = float(np.min(np.abs(d))) ** 2  # keeps both columns of like size
    columns = np.stack([scale / d**2, np.ones_like(d)], axis=1)
    model = np.full(len(d), float(np.mean(y)))
    for _ in range(REWEIGHTINGS):  # weights from the model: from the data they would favor the fringes' minima
        weight = 1.0 / np.sqrt(np.maximum(model, 1.0))
        (tail, base), _ = nnls(columns * weight[:, None], y * weight)
        model = columns @ np.array([tail, base])
    return float(tail * scale), float(base)
