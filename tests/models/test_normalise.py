"""What beam and detector do to counts is undone: distorted by the law, they come back by it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.preprocess import PrepareOptions, frame_factors, normalised, prepare
from braggline_models.scan import Corrections, PreparedVolume, RockingCurve
from braggline_models.simulate import simulate_curve
from braggline_service.beamlines import load_beamline

BRAGG_DEG = {"eta": 17.7, "phi": 0.0, "nu": 0.0, "delta": 35.4}
N = 64
PLAIN = PrepareOptions(bin_frames=1, cleaning=())


@pytest.fixture(scope="module")
def curve() -> RockingCurve:
    """A crystal bright enough that counting noise is 1 % where it matters."""
    beamline = load_beamline("id01")
    detector, mask = beamline.detector("maxipix")
    simulated, _ = simulate_curve(
        beamline.diffractometer, detector, np.zeros_like(mask), BRAGG_DEG, "eta", 0.008, N, 9000.0, 300e-9, 2.0,
        1e8, 3, window_px=64,
    )  # fmt: skip
    pose = replace(detector, saturation_counts=np.inf).cropped(178, 178, (160, 160))
    frames = simulated.intensity[:, 178:338, 178:338].copy()
    return replace(simulated, detector=pose, mask=np.zeros(pose.shape_px, bool), intensity=frames)


@pytest.fixture(scope="module")
def plain(curve: RockingCurve) -> PreparedVolume:
    return prepare(curve, PLAIN)


def seen(curve: RockingCurve, expected: np.ndarray, seed: int = 0, **changes: object) -> RockingCurve:
    """`curve` with Poisson counts of `expected`."""
    counts = np.random.default_rng(seed).poisson(expected).astype(np.uint32)
    return replace(curve, intensity=counts, **changes)  # type: ignore[arg-type]


def off_by(volume: PreparedVolume, wanted: PreparedVolume) -> float:
    """Relative rms difference where there are counts enough, whatever the scale; the same window is asked for."""
    assert volume.crop_start_px == wanted.crop_start_px
    assert volume.intensity.shape == wanted.intensity.shape
    bright = (wanted.intensity > 500) & ~volume.mask
    assert np.count_nonzero(bright) > 1000
    ratio = volume.intensity[bright] / wanted.intensity[bright]
    return float(np.std(ratio) / np.mean(ratio))


def step(volume: PreparedVolume, name: str):
    return next(step for step in volume.cleaning if step.name.startswith(name))


# ---- the detector
def test_a_flat_field_is_undone(curve: RockingCurve, plain: PreparedVolume) -> None:
    flat = np.random.default_rng(1).normal(1.0, 0.15, curve.detector.shape_px).clip(0.5, 1.5)
    spoiled = seen(curve, curve.intensity * flat)
    assert off_by(prepare(spoiled, PLAIN), plain) > 0.1
    told = prepare(replace(spoiled, corrections=Corrections(flat=3e4 * flat)), PLAIN)
    assert off_by(told, plain) < 0.035  # the noise of both
    assert "pixels differ by 14.9%" in step(told, "flat field").name
    left = prepare(replace(spoiled, corrections=Corrections(flat=flat)), replace(PLAIN, normalise=False))
    np.testing.assert_array_equal(left.intensity, prepare(spoiled, PLAIN).intensity)


def test_pixels_of_no_efficiency_are_unknown(curve: RockingCurve, plain: PreparedVolume) -> None:
    flat = np.ones(curve.detector.shape_px)
    row, column = plain.crop_start_px[1] + 20, plain.crop_start_px[2] + 20
    flat[row, column], flat[row, column + 1], flat[row, column + 2] = 0.0, np.nan, 0.05
    told = prepare(replace(curve, corrections=Corrections(flat=flat)), PLAIN)
    assert told.mask[:, 20, 20:23].all()
    assert np.count_nonzero(told.mask) == 3 * N == step(told, "flat field").voxels
    assert not told.intensity[told.mask].any()


@pytest.mark.parametrize("rate", [1e3, 1e5, 5e6])
def test_dead_time_is_the_inverse_of_a_counter_that_is_not_paralysed(rate: float) -> None:
    """Photons as they arrive, each counted unless one was counted less than tau before."""
    tau, exposure_s, rng = 1e-7, 0.02, np.random.default_rng(4)
    counted = np.zeros((20, 1, 1), np.float32)
    for trial in range(len(counted)):
        at, last = np.sort(rng.uniform(0, exposure_s, rng.poisson(rate * exposure_s))), -1.0
        for time in at:
            if time - last > tau:
                counted[trial] += 1
                last = time
    dark_room = np.full((20, 1, 1), 1.0, np.float32)  # a pixel that lost nothing, to see the scale by
    both = np.concatenate([counted, dark_room], axis=2)
    done = normalised(both, np.zeros(both.shape, bool), Corrections(dead_time_s=tau), np.ones(20), exposure_s)
    found = done.intensity[..., 0].mean() / done.intensity[..., 1].mean()
    assert found == pytest.approx(rate * exposure_s, rel=5 / np.sqrt(20 * rate * exposure_s) + 1e-3)
    assert done.intensity.sum() == pytest.approx(both.sum(), rel=1e-5)


def test_a_pixel_that_is_nearly_always_busy_tells_nothing() -> None:
    counts = np.array([[[100.0, 950.0, 10.0]]], np.float32)  # 1 us in 1 ms: 1000 counts at most
    done = normalised(counts, np.zeros(counts.shape, bool), Corrections(dead_time_s=1e-6), np.ones(1), 1e-3)
    assert done.mask.tolist() == [[[False, True, False]]]
    assert (done.steps[0].voxels, done.steps[0].counts_removed) == (1, 950.0)


def test_dead_time_without_an_exposure_is_said(curve: RockingCurve) -> None:
    told = prepare(replace(curve, exposure_s=None, corrections=Corrections(dead_time_s=1e-7)), PLAIN)
    assert any("--set exposure_s" in flag for flag in told.flags)


def test_dark_counts_go(curve: RockingCurve, plain: PreparedVolume) -> None:
    dark = np.random.default_rng(2).uniform(20.0, 200.0, curve.detector.shape_px)
    spoiled = seen(curve, curve.intensity + dark)
    told = prepare(replace(spoiled, corrections=Corrections(dark=dark)), replace(PLAIN, at_least_px=(64, 64)))
    window = tuple(slice(s, s + n) for s, n in zip(told.crop_start_px[1:], told.intensity.shape[1:], strict=True))
    bright = curve.intensity[:, *window][: len(told.intensity)] > 500
    back = told.intensity * (spoiled.intensity[:, *window].sum() / told.intensity.sum())
    assert step(told, "dark").counts_removed == pytest.approx(dark[window].sum() * N, rel=0.05)  # never below 0
    scale = np.median(back[bright] / curve.intensity[:, *window][bright])
    np.testing.assert_allclose(back[bright] / scale / curve.intensity[:, *window][bright], 1.0, atol=0.35)


# ---- the beam
def drift(amplitude: float) -> np.ndarray:
    return 1 + amplitude * np.sin(np.arange(N) / 9)


def test_a_monitor_that_drifts_restores_the_curve(curve: RockingCurve, plain: PreparedVolume) -> None:
    beam = drift(0.3)
    spoiled = seen(curve, curve.intensity * beam[:, None, None])
    assert off_by(prepare(spoiled, PLAIN), plain) > 0.15
    told = prepare(replace(spoiled, monitor=np.random.default_rng(1).poisson(1e5 * beam).astype(float)), PLAIN)
    assert off_by(told, plain) < 0.04
    np.testing.assert_allclose(told.peak_px, plain.peak_px, atol=0.02)
    assert told.intensity.sum() == pytest.approx(prepare(spoiled, PLAIN).intensity.sum(), rel=1e-4)
    assert "varies by 2" in step(told, "monitor").name


@pytest.mark.parametrize(
    "monitor",
    [
        np.random.default_rng(0).poisson(100, N).astype(float),  # 10 % of counting noise about a steady beam
        np.random.default_rng(0).normal(1.0, 0.003, N),  # a current in volt
        np.full(N, 7.0),
    ],
)
def test_a_steady_monitor_is_left_alone(curve: RockingCurve, plain: PreparedVolume, monitor: np.ndarray) -> None:
    told = prepare(replace(curve, monitor=monitor), PLAIN)
    np.testing.assert_array_equal(told.intensity, plain.intensity)
    assert "not used, it stands still" in step(told, "monitor").name
    assert not told.flags


def test_frames_without_beam_or_monitor_are_unknown(curve: RockingCurve, plain: PreparedVolume) -> None:
    for beam in (np.full(N, 1e4), 1e4 * drift(0.2)):
        monitor = beam.copy()
        monitor[[3, 10, 40]] = 0.0, np.nan, 0.05 * beam[40]
        told = prepare(replace(curve, monitor=monitor), PLAIN)
        assert np.flatnonzero(told.mask.all(axis=(1, 2))).tolist() == [3, 10, 40]
        assert told.frames_used == N - 3
        assert not told.intensity[[3, 10, 40]].any()
        assert "3 frame(s) without beam are unknown" in step(told, "monitor").name
        assert step(told, "monitor").counts_removed == curve.intensity[[3, 10, 40]].sum()


def test_a_monitor_that_is_away_in_many_frames_is_broken(curve: RockingCurve, plain: PreparedVolume) -> None:
    monitor = np.full(N, 1e4)
    monitor[: N // 2] = 0
    told = prepare(replace(curve, monitor=monitor), PLAIN)
    np.testing.assert_array_equal(told.intensity, plain.intensity)
    assert "counts in 32 of 64 frames only" in step(told, "monitor").name


def test_steps_of_an_attenuator_are_undone(curve: RockingCurve, plain: PreparedVolume) -> None:
    """A filter of 1/10 about the peak: the tail keeps all its photons, and the curve its shape."""
    transmission = np.where(np.abs(np.arange(N) - N // 2) < 6, 0.05, 0.5)
    spoiled = seen(curve, curve.intensity * transmission[:, None, None])
    told = prepare(replace(spoiled, transmission=transmission), PLAIN)
    assert off_by(told, plain) < 0.2  # the noise of 25 counts
    per_frame, wanted = (volume.intensity.sum(axis=(1, 2)) for volume in (told, plain))
    np.testing.assert_allclose(per_frame / per_frame.sum(), wanted / wanted.sum(), atol=1e-3)
    np.testing.assert_allclose(told.peak_px, plain.peak_px, atol=0.05)
    assert "0.05 to 0.5" in step(told, "attenuator").name
    assert any("scaled by up to 10" in flag for flag in told.flags)
    steady = prepare(replace(curve, transmission=np.full(N, 0.3)), PLAIN)
    np.testing.assert_array_equal(steady.intensity, plain.intensity)


def test_a_transmission_that_is_unknown_or_none(curve: RockingCurve) -> None:
    transmission = np.full(N, 0.5)
    transmission[[4, 7]] = np.nan, 0.0
    told = prepare(replace(curve, transmission=transmission), PLAIN)
    assert np.flatnonzero(told.mask.all(axis=(1, 2))).tolist() == [4, 7]
    for wrong in (50.0, -0.5):
        with pytest.raises(BadInput, match="0 to 1 as `attenuator`") as caught:
            frame_factors(replace(curve, transmission=np.full(N, wrong)))
        assert "\n" not in str(caught.value)


def test_frames_to_come_do_not_count(curve: RockingCurve) -> None:
    """Live: what is not measured has no monitor yet."""
    monitor = 1e4 * drift(0.3)
    measured = np.arange(N) < 30
    monitor[30:] = np.nan
    beam = frame_factors(replace(curve, monitor=monitor, measured=measured))
    assert np.isfinite(beam.factors).all()
    np.testing.assert_allclose(beam.factors[:30], np.median(monitor[:30]) / monitor[:30])


# ---- saturation
def test_saturated_voxels_are_unknown_and_judged_before_anything_is_divided(curve: RockingCurve) -> None:
    limit = 0.5 * float(curve.intensity.max())
    pose = replace(curve.detector, saturation_counts=limit)
    told = prepare(replace(curve, detector=pose, monitor=1e4 * drift(0.3)), replace(PLAIN, cleaning=("saturated",)))
    raw = curve.intensity[
        :, *(slice(s, s + n) for s, n in zip(told.crop_start_px[1:], told.mask.shape[1:], strict=True))
    ]
    np.testing.assert_array_equal(told.mask, raw >= limit)
    assert any("saturated voxels" in flag for flag in told.flags)
