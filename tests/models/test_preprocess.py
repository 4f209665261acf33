"""Cleaning and cropping: what is hot goes, what is signal stays, and the window lies on the peak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.preprocess import PrepareOptions, find_peak, hot_pixels, prepare
from braggline_models.preprocess.window import fast_length, oversampling
from braggline_models.scan import RockingCurve
from braggline_models.simulate import simulate_curve
from braggline_service.beamlines import load_beamline

BRAGG_DEG = {"eta": 17.7, "phi": 0.0, "nu": 0.0, "delta": 35.4}


@pytest.fixture(scope="module")
def curve() -> RockingCurve:
    beamline = load_beamline("id01")
    detector, mask = beamline.detector("maxipix")
    simulated, _ = simulate_curve(
        beamline.diffractometer, detector, np.zeros_like(mask), BRAGG_DEG, "eta", 0.008, 64, 9000.0, 300e-9, 2.0,
        1e7, 3, window_px=128,
    )  # fmt: skip
    return simulated


def with_frames(curve: RockingCurve, intensity: np.ndarray) -> RockingCurve:
    return replace(curve, intensity=intensity)


def test_no_pixel_of_a_sharp_bragg_peak_is_hot(curve: RockingCurve) -> None:
    assert not hot_pixels(curve).any()


def test_lone_pixels_are_hot_and_do_not_move_the_peak(curve: RockingCurve) -> None:
    places = [(20, 30), (20, 31), (250, 300), (515, 515), (270, 270)]
    frames = curve.intensity.copy()
    for row, column in places:
        frames[:, row, column] += 60_000
    spoiled = with_frames(curve, frames)
    hot = hot_pixels(spoiled)
    assert [tuple(p) for p in np.argwhere(hot)] == sorted(places)
    np.testing.assert_allclose(find_peak(spoiled, hot).center_px, find_peak(curve).center_px, atol=0.05)


def test_the_volume_holds_the_counts_about_the_peak(curve: RockingCurve) -> None:
    volume = prepare(curve)
    assert volume.intensity.dtype == np.float32
    assert volume.intensity.sum() == pytest.approx(curve.intensity.sum(), rel=0.02)
    peak = [(volume.peak_px[k] - volume.crop_start_px[k]) / volume.binning[k] for k in range(3)]
    np.testing.assert_allclose(peak, np.array(volume.intensity.shape) // 2, atol=1.5)
    assert volume.frames_used == volume.frames_expected == 64


def test_frames_not_measured_are_unknown(curve: RockingCurve) -> None:
    measured = np.arange(64) < 40
    volume = prepare(replace(curve, measured=measured))
    assert volume.mask[40:].all()
    assert not volume.mask[:40].any()
    assert volume.frames_used == 40
    assert volume.binning == (1, 1, 1)  # binning is chosen once every frame is there


def test_a_window_that_has_grown_stays(curve: RockingCurve) -> None:
    volume = prepare(curve, PrepareOptions(largest_px=64, at_least_px=(64, 64)))
    assert volume.intensity.shape[1:] == (64, 64)


def test_background_counts_go(curve: RockingCurve) -> None:
    volume = prepare(curve, PrepareOptions(background_counts=3))
    lone = (volume.intensity > 0) & (volume.intensity <= 3)
    assert volume.binning != (1, 1, 1) or not lone.any()
    assert next(step for step in volume.cleaning if step.name == "background").voxels > 0


def test_fine_steps_are_binned() -> None:
    cube = np.zeros((64, 64, 64), np.complex64)
    cube[28:36, 24:40, 24:40] = 1
    intensity = np.fft.fftshift(np.abs(np.fft.fftn(cube)) ** 2).astype(np.float32)
    ratios = oversampling(intensity)
    assert ratios[0] == pytest.approx(64 / 8, rel=0.2)
    assert ratios[1] == pytest.approx(64 / 16, rel=0.2)


@pytest.mark.parametrize(("n", "fits", "expected"), [(128, 128, 128), (201, 201, 200), (51, 51, 50), (33, 128, 36)])
def test_lengths_suit_the_fft(n: int, fits: int, expected: int) -> None:
    assert fast_length(n, fits) == expected


def test_bad_input_is_one_line(curve: RockingCurve) -> None:
    empty = with_frames(curve, np.zeros_like(curve.intensity))
    few = replace(
        curve,
        intensity=curve.intensity[:3],
        measured=curve.measured[:3],
        angles_deg={name: values[:3] for name, values in curve.angles_deg.items()},
    )
    none = replace(curve, measured=np.zeros(64, bool))
    for wrong, words in ((empty, "empty"), (few, "at least"), (none, "no frame")):
        with pytest.raises(BadInput, match=words) as caught:
            prepare(wrong)
        assert "\n" not in str(caught.value)
