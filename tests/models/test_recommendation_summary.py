"""The summary of a scan whose crystal, window and steps are known."""

from dataclasses import replace

import numpy as np
import pytest

from braggline_models.recommendation import next_scan, summarise
from braggline_models.results import Quality, Reconstruction
from braggline_models.scan import Circle, Detector, Diffractometer, PreparedVolume, RockingCurve

FRAMES, ROWS, COLUMNS = 32, 40, 48
EXTENT = (10, 12, 16)  # of the support, in voxels of the volume
DQ = 2e6  # 1/m for one frame, row or column


def box_intensity(shape):
    object_ = np.zeros(shape)
    object_[tuple(slice(n // 2 - e // 2, n // 2 - e // 2 + e) for n, e in zip(shape, EXTENT, strict=True))] = 1.0
    intensity = np.abs(np.fft.fftshift(np.fft.fftn(object_))) ** 2
    return object_.astype(bool), np.round(1e4 * intensity / intensity.max())


@pytest.fixture
def parts():
    shape = (FRAMES, 32, 32)
    support, inside = box_intensity(shape)
    raw = np.zeros((FRAMES, ROWS, COLUMNS), np.uint32)
    raw[:, 4:36, 8:40] = inside
    raw[:, 0, 0] = 1_000_000  # outside the window: counts for nothing
    mask = np.zeros((ROWS, COLUMNS), bool)
    mask[20, 20] = True
    angles = {"eta": 18.0 + 0.01 * np.arange(FRAMES), "delta": np.full(FRAMES, 36.0)}
    arm = Diffractometer("one", (Circle("eta", (0, -1, 0)),), (Circle("delta", (0, -1, 0)),), (0, 0, -1), (0, 1, 0))
    detector = Detector("d", (ROWS, COLUMNS), (55e-6, 55e-6), 0.5, (20, 20), saturation_counts=1e5)
    measured = np.ones(FRAMES, bool)
    curve = RockingCurve("s", raw, mask, measured, angles, 9000.0, detector, arm, exposure_s=0.5)
    volume = PreparedVolume(
        "s", inside.astype(np.float32), np.zeros(shape, bool), (0, 4, 8), (1, 1, 1), (16, 20, 24),
        np.array([0, 0, 3e10]), DQ * np.eye(3),
        frames_expected=FRAMES, frames_used=FRAMES,
    )  # fmt: skip
    quality = Quality(0.0, 0.0, 0.97, 0.9, np.ones(3), np.ones(3), 30e-9, 3, 5)
    empty = np.zeros((0, *shape), np.complex64)
    made = Reconstruction(support.astype(np.complex64), support, empty, quality, {}, 0, 100, True)
    return curve, volume, made


def test_the_numbers_of_a_known_scan(parts):
    summary = summarise(*parts)
    assert summary.oversampling == (3.2, pytest.approx(32 / 12), 2.0)
    assert summary.edge_m == pytest.approx((2 * np.pi / (32 * DQ),) * 3)
    assert summary.step_deg == pytest.approx(0.01)
    assert (summary.peak_counts, summary.saturation_counts) == (1e4, 1e5)
    assert (summary.exposure_s, summary.agreement, summary.complete) == (0.5, 0.97, True)
    assert summary.counts_per_frame.max() < 1e6 < 1e6 + parts[0].intensity.max()
    assert summary.angle_deg[np.argmax(summary.counts_per_frame)] == pytest.approx(18.16)


def test_masked_pixels_and_frames_not_measured_do_not_count(parts):
    curve, volume, made = parts
    curve.measured[20:] = False
    summary = summarise(curve, volume, made)
    assert len(summary.angle_deg) == 20
    assert not summary.complete
    assert summary.edge_m[0] == pytest.approx(2 * np.pi / (20 * DQ))
    assert next_scan(summary).action == "repeat"


def test_without_a_reconstruction_there_is_advice_of_less_confidence(parts):
    curve, volume, made = parts
    with_, without = next_scan(summarise(curve, volume, made)), next_scan(summarise(curve, volume))
    assert without.confidence < with_.confidence
    assert "not known" in without.expected_gain


def test_binned_frames_are_counted_as_raw_ones(parts):
    curve, volume, made = parts
    halves = volume.intensity.reshape(16, 2, 32, 32).sum(axis=1)
    support = made.support[8:24]

    binned = replace(volume, intensity=halves, mask=halves < 0, binning=(2, 1, 1), q_step_per_m=DQ * np.diag([2, 1, 1]))
    summary = summarise(curve, binned, replace(made, support=support))
    assert summary.oversampling[0] == pytest.approx(16 / 10 * 2)
    assert summary.edge_m[0] == pytest.approx(2 * np.pi / (32 * DQ))
    assert summary.peak_counts == 1e4
