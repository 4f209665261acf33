"""BraggIngest in its own process, without any BLISS: what it refuses, how it is stopped and started."""

import pytest
import tango
from tango import AttrQuality, DevState

from braggline_tango.ingest import BraggIngest

from .conftest import until


@pytest.fixture
def ingest(device, settings_file):
    settings_file.write_text(settings_file.read_text() + "ingest:\n  blissdata_url: redis://127.0.0.1:1\n")
    with device(BraggIngest) as proxy:
        yield proxy


def test_before_the_first_scan_nothing_is_claimed(ingest):
    for name in ("ScanKey", "FramesPublished", "LastFrame"):
        assert ingest.read_attribute(name).quality == AttrQuality.ATTR_INVALID


def test_it_is_stopped_and_started(ingest):
    assert ingest.Enabled
    ingest.Stop()
    until(lambda: ingest.State() == DevState.OFF, "OFF")
    assert "Start follows them" in ingest.Status()
    assert not ingest.Enabled
    ingest.Start()
    until(lambda: ingest.State() != DevState.OFF, "followed again")
    assert ingest.Enabled


def test_a_region_is_checked_and_kept(ingest):
    ingest.Roi = [10, 100, 20, 80]
    assert list(ingest.Roi) == [10, 100, 20, 80]
    for wrong in ([100, 10, 20, 80], [1, 2, 3], [-1, 5, 0, 5]):
        with pytest.raises(tango.DevFailed, match="is no region; give row start, row stop"):
            ingest.Roi = wrong
    assert list(ingest.Roi) == [10, 100, 20, 80]
    ingest.Detector = "simdet"
    assert ingest.Detector == "simdet"


def test_a_replay_of_nothing_is_refused_in_one_line(ingest):
    with pytest.raises(tango.DevFailed) as refused:
        ingest.Replay("/no/such/scan.h5")
    text = "Replay: there is no file /no/such/scan.h5; give its path as this host sees it, or a scan's key"
    assert refused.value.args[0].desc == text
    with pytest.raises(tango.DevFailed, match="frames are no longer kept"):
        ingest.Replay("scan_42")
