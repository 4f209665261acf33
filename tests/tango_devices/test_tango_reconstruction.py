"""BraggReconstruction in its own process: a job publishes on the board, a client sees events, qualities and states."""

import numpy as np
import pytest
import tango
from tango import AttrQuality, DevState

from braggline_service.board import Board, Snapshot
from braggline_tango.reconstruction import BraggReconstruction

from .conftest import Events, until

VOLUME = np.linspace(-1e-3, 1e-3, 4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)


def publish(redis, stage, progress=0.5, scale=1.0, scan="scan_1", **values):
    volume = VOLUME * np.float32(scale)
    volume[:, 0, 0] = np.nan
    arrays = {"strain": volume, "rocking_curve": np.arange(8.0)}
    Board(redis).publish(Snapshot(scan, stage, progress, {"strain_rms": 1e-4 * scale} | values, arrays))
    return volume


@pytest.fixture
def events(reconstruction):
    """Subscriptions that end before their server does: a dead one would disturb the next test's."""
    made = []

    def subscribe(*given):
        made.append(Events(*given))
        return made[-1]

    yield subscribe
    for one in made:
        one.close()


@pytest.fixture
def reconstruction(device):
    with device(BraggReconstruction, RunJobs="false") as proxy:
        until(lambda: proxy.State() == DevState.ON, "ON before the first scan")
        yield proxy


def test_a_result_grows_and_becomes_final(reconstruction, redis, events):
    assert reconstruction.read_attribute("StrainXY").quality == AttrQuality.ATTR_INVALID
    pictures = events(reconstruction, "StrainXY")
    archived = events(reconstruction, "StrainRms", tango.EventType.ARCHIVE_EVENT)
    states = events(reconstruction, "State")
    volume = publish(redis, "following")
    until(lambda: AttrQuality.ATTR_CHANGING in pictures.qualities, "a picture that changes")
    np.testing.assert_array_equal(pictures.seen[-1][0], volume[2])
    assert reconstruction.State() == DevState.RUNNING
    assert "scan_1: following, 50 %" in reconstruction.Status()
    publish(redis, "final", 1.0, scale=2.0)
    until(lambda: pictures.qualities[-1] == AttrQuality.ATTR_VALID, "the last picture")
    np.testing.assert_array_equal(pictures.seen[-1][0], 2 * volume[2])
    until(lambda: archived.seen[-1] == (2e-4, AttrQuality.ATTR_VALID), "the last archive event")
    until(lambda: [s for s, _ in states.seen][-2:] == [DevState.RUNNING, DevState.ON], "RUNNING, then ON")


def test_many_passes_are_drawn_seldom_and_the_last_always(reconstruction, redis, events):
    pictures = events(reconstruction, "StrainXY")
    for number in range(60):
        publish(redis, "phasing", number / 60, scale=1 + number)
    publish(redis, "final", 1.0, scale=100.0)
    until(lambda: pictures.qualities[-1] == AttrQuality.ATTR_VALID, "the last picture")
    assert len(pictures.seen) < 30
    np.testing.assert_allclose(pictures.seen[-1][0][1, 1], 100 * VOLUME[2, 1, 1])


def test_slices_follow_the_index(reconstruction, redis):
    volume = publish(redis, "final", 1.0)
    until(lambda: reconstruction.read_attribute("StrainYZ").quality == AttrQuality.ATTR_VALID, "a result")
    reconstruction.SliceIndex = [0, -1, 5]
    until(lambda: np.array_equal(reconstruction.StrainXY, volume[0], equal_nan=True), "the first plane")
    np.testing.assert_array_equal(reconstruction.StrainXZ, volume[:, 2])
    until(lambda: np.array_equal(reconstruction.StrainYZ, volume[:, :, 5], equal_nan=True), "the last plane")
    with pytest.raises(tango.DevFailed, match="is no place; give three voxels"):
        reconstruction.SliceIndex = [0, -2, 0]


def test_a_failed_gate_alarms_until_somebody_accepts(reconstruction, redis):
    publish(redis, "final", 1.0, gate="failed", message="free LLK 3.1, at most 2")
    until(lambda: reconstruction.State() == DevState.ALARM, "ALARM")
    assert "the quality gate failed (free LLK 3.1, at most 2)" in reconstruction.Status()
    assert reconstruction.read_attribute("StrainXY").quality == AttrQuality.ATTR_ALARM
    reconstruction.Accept()
    until(lambda: reconstruction.State() == DevState.ON, "ON once accepted")
    assert reconstruction.read_attribute("StrainXY").quality == AttrQuality.ATTR_VALID
    assert "accepted by hand" in reconstruction.Status()


def test_what_is_tuned_reaches_the_jobs(reconstruction, redis):
    reconstruction.Recipe = "thorough"
    reconstruction.Runs = 12
    reconstruction.SupportThreshold = 0.1
    board = Board(redis)
    until(
        lambda: board.read("parameters") == {"recipe": "thorough", "runs": 12, "support_threshold": 0.1}, "three keys"
    )
    reconstruction.Runs = 0
    until(lambda: "runs" not in board.read("parameters"), "the recipe's own number of runs")
    assert reconstruction.Recipe == "thorough"
    with pytest.raises(tango.DevFailed) as refused:
        reconstruction.Recipe = "magic"
    assert refused.value.args[0].desc.startswith("recipe 'magic' is unknown; use one of default, thorough")
    reconstruction.Recipe = "(GPS**20,SW)**5,ER**30"
    until(lambda: board.read("parameters")["recipe"] == "(GPS**20,SW)**5,ER**30", "a schedule in place of a name")
    with pytest.raises(tango.DevFailed, match="unknown step 'GPX'"):
        reconstruction.Recipe = "(GPX**20,SW)**5"
    with pytest.raises(tango.DevFailed, match="maximum"):
        reconstruction.Isosurface = 7.0


def test_commands_before_any_scan_say_why_not(reconstruction):
    for command in ("Accept", "Abort", "Reprocess"):
        with pytest.raises(tango.DevFailed, match="no scan has been reconstructed yet"):
            reconstruction.command_inout(command)


def test_redis_away_is_a_fault_and_mends_itself(reconstruction, redis, redis_server):
    publish(redis, "final", 1.0)
    until(lambda: reconstruction.State() == DevState.ON and "final" in reconstruction.Status(), "a result")
    redis_server.kill()
    until(lambda: reconstruction.State() == DevState.FAULT, "FAULT")
    assert f"Redis at {redis_server.url} is away" in reconstruction.Status()
    reconstruction.Runs = 5
    redis_server.start()
    until(lambda: reconstruction.State() == DevState.ON, "ON again")
    until(lambda: Board(redis).read("parameters") == {"runs": 5}, "what was tuned meanwhile")
    publish(redis, "final", 1.0, scan="scan_2")
    until(lambda: "scan_2" in reconstruction.Status(), "the next scan")


def test_wrong_settings_are_a_fault_that_says_so(device, settings_file):
    settings_file.write_text("speed: high\n")
    with device(BraggReconstruction, RunJobs="false") as proxy:
        assert proxy.State() == DevState.FAULT
        assert "speed" in proxy.Status()
        assert str(settings_file) in proxy.Status()


def test_units_and_labels_arrive(reconstruction):
    config = {c.name: c for c in reconstruction.get_attribute_config_ex(["Resolution", "PhaseXY", "Progress"])}
    assert (config["Resolution"].unit, config["Resolution"].format) == ("m", "%.2e")
    assert (config["PhaseXY"].unit, config["PhaseXY"].label) == ("rad", "phase XY")
    assert (config["Progress"].min_value, config["Progress"].max_value) == ("0.0", "1.0")
