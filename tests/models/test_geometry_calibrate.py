"""A detector's pose from the direct beam: what a scan tells comes back within its error, what it does not is held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.geometry import rotation_product
from braggline_models.geometry.calibrate import Calibration, direct_beam_px, fit_detector, parameters_of
from braggline_models.geometry.direct_beam import direct_beam_spots
from braggline_models.geometry.reciprocal import pixel_direction
from braggline_models.scan import Circle, Detector, Diffractometer

ID01 = Diffractometer(
    "id01",
    (Circle("eta", (0, -1, 0)), Circle("phi", (0, 0, -1))),
    (Circle("nu", (0, 0, -1)), Circle("delta", (0, -1, 0))),
    (0, 0, -1),
    (0, 1, 0),
)
TRUTH = Detector("maxipix", (516, 516), (55e-6, 55e-6), 0.56685, (172.91, 185.60), 1.5, 30.0, -2.0)
CONFIGURED = Detector("maxipix", (516, 516), (55e-6, 55e-6), 0.5, (258.0, 258.0))
DELTA, NU = np.meshgrid(np.linspace(-0.5, 1.0, 6), np.linspace(-0.8, 0.8, 6))
MESH = {"nu": NU.ravel(), "delta": DELTA.ravel()}
DELTA_ONLY = {"nu": np.zeros(31), "delta": np.linspace(-0.6, 1.1, 31)}
NU_ONLY = {"nu": np.linspace(-0.8, 0.8, 31), "delta": np.zeros(31)}
NOISE_px = 0.05


def fitted(angles, truth=TRUTH, start=CONFIGURED, noise_px=NOISE_px, seed=0) -> Calibration:
    rng = np.random.default_rng(seed)
    row, column = direct_beam_px(ID01, truth, angles)
    noise = rng.normal(0.0, noise_px, (2, len(row)))
    return fit_detector(ID01, start, angles, row + noise[0], column + noise[1])


def pulls(fit: Calibration, truth: Detector = TRUTH) -> dict[str, float]:
    """(found - truth) / deviation of every number that was fitted."""
    found = fit.detector
    wrong = {
        "distance_m": found.distance_m - truth.distance_m,
        "beam_center_row_px": found.beam_center_px[0] - truth.beam_center_px[0],
        "beam_center_column_px": found.beam_center_px[1] - truth.beam_center_px[1],
        "rotation_deg": found.rotation_deg - truth.rotation_deg,
        "tilt_deg": found.tilt_deg - truth.tilt_deg,
        "tilt_azimuth_deg": found.tilt_azimuth_deg - truth.tilt_azimuth_deg,
    }
    return {name: wrong[name] / deviation for name, deviation in fit.deviation.items() if deviation > 0}


def test_the_beam_falls_where_its_pixel_looks_back_along_it() -> None:
    """direct_beam_px inverts pixel_direction: R_detector u of the pixel is the beam itself."""
    row, column = direct_beam_px(ID01, TRUTH, MESH)
    direction = pixel_direction(ID01, TRUTH, row, column)
    along = np.einsum("nij,nj->ni", rotation_product(ID01.detector_circles, MESH), direction)
    np.testing.assert_allclose(along, np.broadcast_to([1.0, 0.0, 0.0], along.shape), atol=1e-13)
    at_zero = direct_beam_px(ID01, TRUTH, {"nu": 0.0, "delta": 0.0})
    np.testing.assert_allclose(at_zero, TRUTH.beam_center_px)
    assert np.isnan(direct_beam_px(ID01, TRUTH, {"nu": 0.0, "delta": 120.0})[0])


@pytest.mark.parametrize("seed", range(5))
def test_both_circles_tell_everything_within_the_stated_errors(seed: int) -> None:
    fit = fitted(MESH, seed=seed)
    assert fit.held == ()
    assert fit.used.all()
    assert fit.rms_px == pytest.approx(NOISE_px * np.sqrt(2), rel=0.3)
    assert max(map(abs, pulls(fit).values())) < 3.5
    assert fit.deviation["distance_m"] < 1e-4
    assert fit.deviation["rotation_deg"] < 0.01


def test_deviations_are_those_of_many_scans() -> None:
    """The pulls of 40 scans have the spread that one deviation promises."""
    spread = {}
    for seed in range(40):
        for name, pull in pulls(fitted(MESH, seed=seed)).items():
            spread.setdefault(name, []).append(pull)
    assert all(0.7 < np.std(values) < 1.35 for values in spread.values()), {k: np.std(v) for k, v in spread.items()}


@pytest.mark.parametrize(("angles", "held"), [(DELTA_ONLY, "tilt_about_rows_deg"), (NU_ONLY, "tilt_about_columns_deg")])
def test_one_circle_leaves_a_tilt_open_and_says_so(angles, held: str) -> None:
    """What is held is right here, so that the rest must be."""
    part = replace(TRUTH, tilt_deg=3.0, tilt_azimuth_deg=0.0 if held == "tilt_about_rows_deg" else 90.0)
    fit = fitted(angles, part, noise_px=0.0)
    assert fit.held == (held,)
    assert parameters_of(fit.detector)[held] == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(fit.deviation["tilt_azimuth_deg"])
    assert fit.detector.distance_m == pytest.approx(part.distance_m, rel=1e-4)
    assert fit.detector.tilt_deg == pytest.approx(3.0, abs=0.01)


def test_what_is_held_is_what_was_configured() -> None:
    start = replace(CONFIGURED, tilt_deg=-2.0, tilt_azimuth_deg=90.0)
    fit = fitted(DELTA_ONLY, start=start)
    assert parameters_of(fit.detector)["tilt_about_rows_deg"] == pytest.approx(-2.0)


def test_a_noisy_short_scan_holds_both_tilts() -> None:
    angles = {"nu": np.zeros(12), "delta": np.linspace(-0.05, 0.05, 12)}
    fit = fitted(angles, noise_px=0.3)
    assert set(fit.held) == {"tilt_about_columns_deg", "tilt_about_rows_deg"}
    assert fit.detector.tilt_deg == 0.0
    assert max(abs(pull) for name, pull in pulls(fit).items() if name != "rotation_deg") < 4


def test_a_detector_turned_by_a_quarter_is_found() -> None:
    fit = fitted(MESH, replace(TRUTH, rotation_deg=88.0))
    assert fit.detector.rotation_deg == pytest.approx(88.0, abs=0.05)
    assert fit.rms_px < 0.1


def test_spots_far_from_the_fit_are_left_out() -> None:
    row, column = direct_beam_px(ID01, TRUTH, MESH)
    row = row + np.random.default_rng(0).normal(0, NOISE_px, len(row))
    row[[3, 20]] += [40.0, -8.0]
    fit = fit_detector(ID01, CONFIGURED, MESH, row, column)
    assert list(np.flatnonzero(~fit.used)) == [3, 20]
    assert fit.residual_px[3, 0] == pytest.approx(40.0, abs=0.5)
    assert fit.detector.distance_m == pytest.approx(TRUTH.distance_m, rel=1e-3)


def test_too_little_is_bad_input() -> None:
    still = {"nu": np.zeros(9), "delta": np.full(9, 0.3)}
    with pytest.raises(BadInput, match=r"no detector circle moves \(nu, delta\)"):
        fit_detector(ID01, CONFIGURED, still, np.arange(9.0), np.arange(9.0))
    few = {"nu": np.zeros(4), "delta": np.arange(4.0)}
    with pytest.raises(BadInput, match="in 4 frame"):
        fit_detector(ID01, CONFIGURED, few, np.arange(4.0), np.arange(4.0))


def frames(rows, columns, counts=2e4, width=3.0, background=0.2) -> np.ndarray:
    r, c = np.indices((200, 220))
    rng = np.random.default_rng(0)
    spots = [
        n * np.exp(-((r - y) ** 2 + (c - x) ** 2) / (2 * width**2)) / (2 * np.pi * width**2)
        for y, x, n in zip(rows, columns, np.broadcast_to(counts, len(rows)), strict=True)
    ]
    return rng.poisson(np.stack(spots) + background).astype(np.uint32)


def test_spots_are_found_to_a_few_hundredths_of_a_pixel() -> None:
    rows, columns = np.linspace(30.3, 160.7, 9), np.linspace(180.2, 40.9, 9)
    images = frames(rows, columns)
    images[:, 50, 60] = 5000  # a hot pixel is not a spot
    found = direct_beam_spots(images, np.zeros((200, 220), bool), np.ones(9, bool))
    assert found.found.all()
    assert np.abs(found.row_px - rows).max() < 0.1
    assert np.sqrt(np.mean((found.column_px - columns) ** 2)) < 0.05


def test_lost_spots_have_their_reason() -> None:
    mask = np.zeros((200, 220), bool)
    mask[:, 100:106] = True
    images = frames([50, 60, 70, 3, 90, 99], [30, 108, 60, 60, 60, 60], [2e4, 2e4, 0, 2e4, 2e4, 2e4])
    images[:, mask] = 0
    found = direct_beam_spots(images, mask, np.array([1, 1, 1, 1, 1, 0], bool))
    near = "in a gap or at an edge"
    assert found.lost == ("", near, "no beam", near, "", "not measured")
