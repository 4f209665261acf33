"""A recorded curve comes out of the stream as it went in."""

import numpy as np
import pytest
from redis import Redis

from braggline_models.scan import RockingCurve
from braggline_service.beamlines import load_beamline
from braggline_service.ingest import header_of, replay_curve
from braggline_service.settings import load_settings
from braggline_service.stages.growing import GrowingCurve
from braggline_service.streams import FrameReader, counts, open_scans

N = 6


def curve(window=None, measured=None):
    """Six frames of ID01's Maxipix, or of a window (rows, columns) of it."""
    beamline = load_beamline("id01")
    detector, mask = beamline.detector("maxipix")
    if window:
        detector, mask = detector.cropped(100, 50, window), mask[100 : 100 + window[0], 50 : 50 + window[1]]
    angles = {name: np.full(N, 1.5) for name in beamline.diffractometer.circle_names}
    angles["eta"] = 17.0 + 0.01 * np.arange(N)
    frames = np.random.default_rng(0).poisson(2.0, (N, *detector.shape_px)).astype(np.uint16)
    return RockingCurve(
        name="platinum 7", intensity=frames, mask=mask, measured=np.ones(N, bool) if measured is None else measured,
        angles_deg=angles, energy_eV=9000.0, detector=detector, diffractometer=beamline.diffractometer,
        exposure_s=0.1, monitor=np.linspace(1.0, 2.0, N),
    )  # fmt: skip


@pytest.fixture
def redis(redis_server):
    with Redis.from_url(redis_server.url) as client:
        yield client


@pytest.mark.parametrize("window", [None, (64, 80)])
def test_round_trip(redis, redis_server, window):
    sent = curve(window)
    key = replay_curve(redis, load_settings(overrides={"redis.url": redis_server.url}), sent, "/data/RAW_DATA/a.h5")
    assert open_scans(redis) == [key]
    reader = FrameReader(redis, key)
    growing = GrowingCurve(reader.header(), load_beamline("id01"))
    while not reader.drained:
        for frame in reader.read(0.2):
            growing.add(frame)
    got = growing.curve()
    np.testing.assert_array_equal(got.intensity, sent.intensity)
    np.testing.assert_allclose(got.monitor, sent.monitor)
    for circle, angles in sent.angles_deg.items():
        np.testing.assert_allclose(got.angles_deg[circle], angles, err_msg=circle)
    assert (got.energy_eV, got.exposure_s, got.name) == (sent.energy_eV, sent.exposure_s, sent.name)
    assert got.detector == sent.detector


def test_frames_that_were_not_measured_are_missing(redis, redis_server):
    measured = np.array([True, True, False, True, True, False])
    key = replay_curve(redis, load_settings(overrides={"redis.url": redis_server.url}), curve((8, 8), measured))
    counted = counts(redis, key)
    assert (counted.expected, counted.published, counted.missing) == (6, 4, 2)


def test_every_replay_is_a_scan_of_its_own():
    first, second = header_of(curve((8, 8))), header_of(curve((8, 8)))
    assert first.key != second.key
    assert first.model_copy(update={"key": "", "started": ""}) == second.model_copy(update={"key": "", "started": ""})
    assert header_of(curve((8, 8)), key="mine").key == "mine"
    assert (first.scanned, first.positions) == ("eta", {"phi": 1.5, "nu": 1.5, "delta": 1.5})
