"""The pose of a detector from where the direct beam falls on it while its arm moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from braggline_models.errors import BadInput
from braggline_models.geometry.reciprocal import pose
from braggline_models.geometry.rotation import rotation_product
from braggline_models.scan import BoolArray, Detector, Diffractometer, FloatArray

# What is fitted, and the span in which it is believed beforehand: a scan that tells no more does not determine it.
# The tilt is fitted as its parts about columns and rows, which unlike tilt and azimuth stay defined where it is 0.
SPANS = {
    "distance_m": 0.1,  # of itself
    "beam_center_row_px": 50.0,
    "beam_center_column_px": 50.0,
    "rotation_deg": 5.0,
    "tilt_about_columns_deg": 5.0,
    "tilt_about_rows_deg": 5.0,
}
TOLD = 0.5  # of its span: a parameter that is not known better than this is held
FEWEST_FRAMES = 5
NOISE_FLOOR_px = 0.02  # no spot is found better than this
OUTLIER_SIGMAS, OUTLIER_px = 5.0, 0.5
GOOD_px = 1.0
OTHER_STARTS_deg = (90.0, 180.0, -90.0)


@dataclass(frozen=True)
class Calibration:
    """A fitted detector, with one standard deviation of each number and what the scan could not tell.

    deviation   of distance_m, beam_center_row_px, beam_center_column_px, rotation_deg, tilt_deg and tilt_azimuth_deg,
                given that what is held is right; 0 for what is held, NaN for an azimuth of which a part is
    held        parameters of SPANS that the scan does not determine: they are those of the detector that was given
    used        (n,) bool, False for outliers;  residual_px  (n, 2) measured minus fitted row and column
    rms_px      root mean square distance of the used spots from where the fit has them
    """

    detector: Detector
    deviation: Mapping[str, float]
    held: tuple[str, ...]
    used: BoolArray
    residual_px: FloatArray
    rms_px: float


def direct_beam_px(
    diffractometer: Diffractometer, detector: Detector, angles_deg: Mapping[str, ArrayLike]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(row, column), fractional, at which R_detector^T x, the beam as the arm sees it, meets the detector's plane.

    t R^T x = D x + P (a d_row + c d_column), P the pose: solved for a and c. Angles of the detector circles in deg,
    of one shape (...), which the result has; NaN where the beam does not meet the plane.
    """
    x = np.array([1.0, 0.0, 0.0])
    beam = np.einsum("...ji,j->...i", rotation_product(diffractometer.detector_circles, angles_deg), x)
    turned = pose(diffractometer, detector)
    down, across = turned @ np.array(diffractometer.row_direction), turned @ np.array(diffractometer.column_direction)
    normal = np.cross(down, across)
    facing = beam @ normal
    length = detector.distance_m * (x @ normal) / np.where(facing == 0.0, np.nan, facing)
    point = np.where(length > 0.0, length, np.nan)[..., None] * beam - detector.distance_m * x
    row = detector.beam_center_px[0] + point @ down / detector.pixel_size_m[0]
    return np.asarray(row), np.asarray(detector.beam_center_px[1] + point @ across / detector.pixel_size_m[1])


def fit_detector(
    diffractometer: Diffractometer,
    detector: Detector,
    angles_deg: Mapping[str, FloatArray],
    row_px: FloatArray,
    column_px: FloatArray,
) -> Calibration:
    """Least squares of |(row, column) - direct_beam_px|^2 over distance, beam center, rotation and tilt.

    detector    where the fit starts, and what is held is taken from; its pixel size sets the scale
    angles_deg  (n,) of every detector circle, deg; row_px, column_px  (n,) measured positions of the beam
    The singular values of the Jacobian, in px a span of the parameter, tell what the scan determines: as long as some
    combination is left open by more than TOLD of its span, the parameter that has most part in it is held, and the rest
    fitted again. Spots farther than 5 deviations (and half a pixel) from the fit are left out. Raises BadInput where no
    circle moves or there are fewer than 5 spots. Method: as xrayutilities' area_detector_calib, without arm offsets.
    """
    moving = [c.name for c in diffractometer.detector_circles if float(np.ptp(angles_deg[c.name])) > 0.0]
    if not moving:
        names = ", ".join(c.name for c in diffractometer.detector_circles) or "none are configured"
        raise BadInput(f"no detector circle moves ({names}); give a scan of the direct beam by one or two of them")
    if len(row_px) < FEWEST_FRAMES:
        raise BadInput(f"the beam is on the detector in {len(row_px)} frame(s); a fit needs at least {FEWEST_FRAMES}")
    fit = _Fit(diffractometer, detector, angles_deg, np.stack([row_px, column_px], axis=1))
    used = np.ones(len(row_px), bool)
    for _ in range(3):
        free, values = fit.determined(used)
        distance = np.linalg.norm(fit.residual(values), axis=1)
        limit = max(OUTLIER_SIGMAS * 1.4826 * float(np.median(distance[used])), OUTLIER_px)
        inside = distance <= limit
        if np.array_equal(inside, used) or np.count_nonzero(inside) < FEWEST_FRAMES:
            break
        used = inside
    return fit.result(free, values, used)


def parameters_of(detector: Detector) -> dict[str, float]:
    """The parameters of SPANS as this detector has them."""
    return dict(zip(SPANS, _vector(detector).tolist(), strict=True))


class _Fit:
    """One data set; parameters are a vector in the order of SPANS."""

    def __init__(
        self,
        diffractometer: Diffractometer,
        detector: Detector,
        angles_deg: Mapping[str, FloatArray],
        measured_px: FloatArray,
    ) -> None:
        self.diffractometer, self.detector = diffractometer, detector
        self.angles_deg, self.measured_px = angles_deg, measured_px
        self.given = _vector(detector)
        self.spans = np.array(list(SPANS.values())) * [detector.distance_m, 1, 1, 1, 1, 1]

    def residual(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        found = np.stack(direct_beam_px(self.diffractometer, _detector(self.detector, values), self.angles_deg), axis=1)
        return np.asarray(np.where(np.isfinite(found), self.measured_px - found, 1e6))

    def determined(self, used: BoolArray) -> tuple[list[int], NDArray[np.float64]]:
        """Indices of the parameters that the scan tells, and all values fitted with the others held.

        The Jacobian is that of the start, where tilts are sane: a fit of what is not determined may go anywhere.
        """
        free, start = list(range(len(SPANS))), self._start(used)
        while True:
            values = self._solved(free, start, used)
            _, singular, directions = np.linalg.svd(self._jacobian(free, start, used), full_matrices=False)
            if self._noise_px(values, used, len(free)) <= TOLD * singular[-1] or len(free) == 1:
                return free, values
            held = free.pop(int(np.argmax(np.abs(directions[-1]))))
            start[held] = self.given[held]

    def result(self, free: list[int], values: NDArray[np.float64], used: BoolArray) -> Calibration:
        jacobian = self._jacobian(free, values, used) / self.spans[free]
        covariance = np.zeros((len(SPANS), len(SPANS)))
        covariance[np.ix_(free, free)] = np.linalg.inv(jacobian.T @ jacobian)
        covariance *= self._noise_px(values, used, len(free)) ** 2
        residual = self.residual(values)
        return Calibration(
            detector=_detector(self.detector, values),
            deviation=_deviations(values, covariance),
            held=tuple(name for k, name in enumerate(SPANS) if k not in free),
            used=used,
            residual_px=residual,
            rms_px=float(np.sqrt(np.mean(np.sum(residual[used] ** 2, axis=1)))),
        )

    def _start(self, used: BoolArray) -> NDArray[np.float64]:
        """The given pose, or one turned by quarters where rows and columns are not as configured."""
        best, least = self.given, np.inf
        for turn in (0.0, *OTHER_STARTS_deg):
            start = self._solved([0, 1, 2, 3], self.given + turn * np.eye(len(SPANS))[3], used)
            rms = float(np.sqrt(np.mean(self.residual(start)[used] ** 2)))
            if rms < 0.5 * least:  # a turn must pay, and the given one comes first
                best, least = start, rms
        return best

    def _solved(self, free: list[int], start: NDArray[np.float64], used: BoolArray) -> NDArray[np.float64]:
        def residual(steps: NDArray[np.float64]) -> NDArray[np.float64]:
            values = start.copy()
            values[free] += steps * self.spans[free]
            return self.residual(values)[used].ravel()

        found = least_squares(residual, np.zeros(len(free)), xtol=1e-12, ftol=1e-12, gtol=1e-12)
        values = start.copy()
        values[free] += found.x * self.spans[free]
        return values

    def _jacobian(self, free: list[int], values: NDArray[np.float64], used: BoolArray) -> NDArray[np.float64]:
        """(2 n_used, n_free): px for one span of each parameter, by central differences of a hundredth of it."""
        columns = []
        for k in free:
            step = np.eye(len(SPANS))[k] * self.spans[k] / 100.0
            columns.append((self.residual(values + step) - self.residual(values - step))[used].ravel() * 50.0)
        return np.stack(columns, axis=1)

    def _noise_px(self, values: NDArray[np.float64], used: BoolArray, n_free: int) -> float:
        """Standard deviation of one measured row or column."""
        residual = self.residual(values)[used]
        return max(float(np.sqrt(np.sum(residual**2) / max(residual.size - n_free, 1))), NOISE_FLOOR_px)


def _vector(detector: Detector) -> NDArray[np.float64]:
    azimuth = np.deg2rad(detector.tilt_azimuth_deg)
    tilt = detector.tilt_deg * np.array([np.cos(azimuth), np.sin(azimuth)])
    return np.array([detector.distance_m, *detector.beam_center_px, detector.rotation_deg, *tilt])


def _detector(detector: Detector, values: NDArray[np.float64]) -> Detector:
    distance, row, column, turn, about_columns, about_rows = (float(v) for v in values)
    return replace(
        detector,
        distance_m=distance,
        beam_center_px=(row, column),
        rotation_deg=(turn + 180.0) % 360.0 - 180.0,
        tilt_deg=float(np.hypot(about_columns, about_rows)),
        tilt_azimuth_deg=float(np.rad2deg(np.arctan2(about_rows, about_columns))),
    )


def _deviations(values: NDArray[np.float64], covariance: NDArray[np.float64]) -> dict[str, float]:
    """Of tilt and azimuth by their derivatives; an azimuth that the tilt is too small to have gets 180 deg."""
    names = ("distance_m", "beam_center_row_px", "beam_center_column_px", "rotation_deg")
    found = {name: float(np.sqrt(covariance[k, k])) for k, name in enumerate(names)}
    tilt, part = float(np.hypot(*values[4:])), covariance[4:, 4:]
    along = values[4:] / tilt if tilt > 0.0 else np.array([1.0, 0.0])
    across = np.array([-along[1], along[0]])
    azimuth = np.rad2deg(np.sqrt(across @ part @ across) / tilt) if tilt > 0.0 else 180.0
    found["tilt_deg"] = float(np.sqrt(along @ part @ along))
    found["tilt_azimuth_deg"] = min(float(azimuth), 180.0) if np.all(np.diag(part) > 0.0) else np.nan
    return found
