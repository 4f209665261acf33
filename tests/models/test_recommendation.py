"""The advice against rocking curves of known shape: each rule is hit by the scan that breaks it."""

import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.recommendation import Goal, ScanLimits, ScanSummary, clipped, curve_shape, next_scan
from braggline_models.results import Recommendation

SIZE_DEG = 0.02  # fringe spacing of the crystal


def rocking(angle, peak=0.0, height=1e6, floor=50.0):
    """sinc^2 of a slab with fringes SIZE_DEG apart: its envelope falls with the square of the angle."""
    return np.round(height * np.sinc((angle - peak) / SIZE_DEG) ** 2 + floor)


def scan(half=0.2, points=81, peak=0.0, height=1e6, floor=50.0, **known):
    angle = np.linspace(-half, half, points)
    step = 2 * half / (points - 1)
    values = {
        "exposure_s": 1.0,
        "peak_counts": 1e4,
        "oversampling": (SIZE_DEG / step, 3.0, 3.0),
        "agreement": 0.98,
        "frames_expected": points,
    }
    counts = rocking(angle, peak, height, floor)
    return ScanSummary("test", angle, counts, step, **(values | known))


def test_tail_and_floor_of_a_known_curve():
    angle = np.linspace(-0.3, 0.3, 121)
    tail, floor = 2.0, 400.0
    counts = np.minimum(tail / np.maximum(angle**2, 1e-12), 1e5) + floor
    shape = curve_shape(angle, counts)
    assert shape.tail_counts_deg2 == pytest.approx(tail, rel=0.02)
    assert shape.floor_counts == pytest.approx(floor, rel=0.05)
    noise = np.sqrt(floor + tail / shape.signal_half_width_deg**2)
    assert tail / shape.signal_half_width_deg**2 == pytest.approx(3 * noise, rel=0.02)


def test_a_good_scan_is_left_alone():
    good = scan(half=0.12, points=37, resolution_m=9e-9, edge_m=(10e-9, 8e-9, 8e-9))
    advice = next_scan(good)
    assert advice.action == "move on"
    assert advice.parameters["points"] == 37
    assert advice.parameters["exposure_s"] == 1.0
    assert advice.limits_hit == ()
    assert "same resolution" in advice.expected_gain
    assert "\n" not in advice.reason


@pytest.mark.parametrize("points", [17, 27])
def test_a_coarse_step_is_refined_to_three_points_a_fringe(points):
    advice = next_scan(scan(half=0.15, points=points, resolution_m=9e-9))
    assert advice.action == "refine"
    assert 2.5 <= SIZE_DEG / advice.parameters["step_deg"] <= 3.5


def test_a_fine_step_is_made_coarser_at_the_same_dose():
    fine = scan(half=0.12, points=121, resolution_m=9e-9)
    advice = next_scan(fine)
    assert advice.action == "trim"
    density = advice.parameters["exposure_s"] / advice.parameters["step_deg"]
    assert density == pytest.approx(1.0 / fine.step_deg, rel=0.05)


def test_a_range_that_cuts_the_fringes_is_widened_only_as_far_as_the_goal_needs():
    cut = scan(half=0.06, points=19, resolution_m=20e-9, edge_m=(20e-9, 10e-9, 10e-9))
    advice = next_scan(cut, goal=Goal(resolution_m=16e-9))
    assert advice.action == "widen"
    assert advice.parameters["range_deg"] == pytest.approx(0.12 * 20 / 16, rel=0.01)


def test_a_range_that_runs_into_the_noise_is_trimmed():
    advice = next_scan(scan(half=1.0, points=301, height=1e4, floor=2000.0, resolution_m=9e-9))
    assert advice.action == "trim"
    assert advice.parameters["range_deg"] < 0.8
    assert advice.details["time_ratio"] < 0.7


def test_a_peak_off_the_middle_is_centered():
    advice = next_scan(scan(peak=0.09))
    assert advice.action == "recenter"
    assert advice.parameters["center_deg"] == pytest.approx(0.09, abs=0.003)
    assert advice.parameters["shift_deg"] == pytest.approx(0.09, abs=0.003)


def test_resolution_goes_with_the_fourth_root_of_the_counts():
    weak = scan(half=0.12, points=37, resolution_m=14e-9, edge_m=(8e-9, 8e-9, 8e-9), saturation_counts=1e6)
    advice = next_scan(weak, goal=Goal(resolution_m=10e-9, max_dose=16))
    assert advice.action == "expose"
    assert advice.parameters["exposure_s"] == pytest.approx(1.4**4, rel=0.01)
    assert advice.details["resolution_expected_m"] == pytest.approx(10e-9, rel=0.02)


def test_exposure_stays_in_the_linear_part_of_the_detector():
    bright = scan(half=0.12, points=37, resolution_m=30e-9, peak_counts=5e4, saturation_counts=1e5)
    assert next_scan(bright).parameters["exposure_s"] == pytest.approx(1.6)
    saturated = scan(half=0.12, points=37, resolution_m=30e-9, peak_counts=1e5, saturation_counts=1e5)
    advice = next_scan(saturated)
    assert advice.action == "shorten"
    assert advice.parameters["exposure_s"] == pytest.approx(0.8)
    assert "saturation_counts" in advice.limits_hit


def test_missing_frames_ask_for_the_scan_again():
    part = scan(half=0.12, points=37, frames_expected=60, complete=False)
    advice = next_scan(part)
    assert advice.action == "repeat"
    assert "23 of 60" in advice.reason
    assert advice.confidence < next_scan(scan(half=0.12, points=37)).confidence


def test_no_peak_is_said_and_not_guessed():
    flat = ScanSummary("flat", np.linspace(0, 1, 20), np.full(20, 100.0), 1 / 19, 1.0, 5.0, frames_expected=20)
    advice = next_scan(flat)
    assert (advice.action, advice.confidence) == ("repeat", 0.2)
    assert "no Bragg peak" in advice.reason


def test_a_pixel_too_large_is_told_as_a_distance():
    advice = next_scan(scan(oversampling=(3.0, 1.6, 3.0)))
    assert "rows sample the fringes 1.6 times: move the detector 1.2x further away" in advice.reason


def test_limits_keep_the_range_and_are_named():
    wide = Recommendation("widen", {"range_deg": 8.0, "step_deg": 1e-5, "exposure_s": 99.0}, "", "", 1.0, 60.0)
    inside = clipped(wide, ScanLimits(max_range_deg=2.0, min_step_deg=0.001, max_exposure_s=5.0, max_points=101))
    assert inside.limits_hit == ("max_exposure_s", "max_range_deg", "min_step_deg", "max_points")
    assert inside.parameters == {"range_deg": 2.0, "step_deg": 0.02, "exposure_s": 5.0, "points": 101.0}


def test_angles_and_counts_of_different_length_are_refused():
    with pytest.raises(BadInput, match="each frame needs one of both"):
        ScanSummary("bad", np.zeros(3), np.zeros(4), 0.1, 1.0, 1.0)


def test_the_same_scan_gets_the_same_advice():
    assert next_scan(scan()) == next_scan(scan())
