"""BraggAdvisor in its own process: a job puts a recommendation, a client decides on it."""

import json

import pytest
import tango
from tango import AttrQuality, DevState

from braggline_models.results import Recommendation
from braggline_service.advice import Advice
from braggline_service.board import Board
from braggline_service.settings import AdviceSettings
from braggline_tango.advisor import BraggAdvisor

from .conftest import until

PARAMETERS = {"center_deg": 18.0, "range_deg": 9.0, "step_deg": 0.05, "exposure_s": 1.0, "points": 181.0}


def put(redis, expires_after_s=60.0):
    widen = Recommendation("widen", PARAMETERS, "it ends in the fringes", "14 -> 10 nm", 0.8, expires_after_s)
    return Advice(Board(redis), AdviceSettings()).put("scan_1", widen)


@pytest.fixture
def advisor(device):
    with device(BraggAdvisor) as proxy:
        until(lambda: proxy.State() == DevState.ON, "ON")
        yield proxy


def standing(advisor, state):
    def shown():
        read = advisor.read_attribute("Recommendation")
        return read.quality == AttrQuality.ATTR_VALID and json.loads(read.value)["state"] == state

    return until(shown, f"a recommendation that is {state}")


def test_a_recommendation_is_shown_and_approved(advisor, redis):
    assert advisor.read_attribute("NextRange").quality == AttrQuality.ATTR_INVALID
    document = put(redis)
    standing(advisor, "pending")
    assert advisor.NextRange == 4.0  # the limit
    assert (advisor.NextPosition, advisor.NextStep, advisor.NextExposure) == (18.0, 0.05, 1.0)
    assert (advisor.Reason, advisor.ExpectedGain, advisor.Confidence) == ("it ends in the fringes", "14 -> 10 nm", 0.8)
    assert "widen (scan_1#1) is pending until" in advisor.Status()
    advisor.Approve()
    standing(advisor, "approved")
    advisor.Applied(document["id"])
    standing(advisor, "applied")
    assert advisor.read_attribute("NextRange").quality == AttrQuality.ATTR_INVALID
    assert [line.split()[1] for line in advisor.History] == ["pending", "approved", "applied"]


def test_refusals_are_one_line(advisor, redis):
    with pytest.raises(tango.DevFailed) as refused:
        advisor.Approve()
    text = "cannot approve: the standing recommendation is none; the next scan makes one"
    assert refused.value.args[0].desc == text
    put(redis)
    standing(advisor, "pending")
    advisor.Reject("the beam is gone")
    standing(advisor, "rejected")
    assert advisor.History[-1].endswith("the beam is gone")
    advisor.Clear()
    until(lambda: advisor.read_attribute("Reason").quality == AttrQuality.ATTR_INVALID, "nothing standing")


def test_it_expires_on_the_panel_by_itself(advisor, redis):
    put(redis, expires_after_s=0.5)
    standing(advisor, "expired")
    assert advisor.read_attribute("NextExposure").quality == AttrQuality.ATTR_INVALID


def test_mode_and_limits_rule_what_jobs_put(advisor, redis):
    advisor.MaxRange = 2.0
    advisor.MaxPoints = 21
    advisor.Mode = "auto"
    until(lambda: Board(redis).read("advisor").get("mode") == "auto", "the mode on the board")
    document = put(redis)
    assert document["state"] == "approved"
    assert document["parameters"]["range_deg"] == 2.0
    assert document["limits_hit"] == ["max_range_deg", "max_points"]
    assert (advisor.MaxRange, advisor.MaxPoints, advisor.MinStep) == (2.0, 21, 0.0005)
    advisor.Mode = "off"
    until(lambda: advisor.State() == DevState.OFF, "OFF")
    with pytest.raises(tango.DevFailed, match="mode 'maybe' is unknown; use one of off, suggest, confirm, auto"):
        advisor.Mode = "maybe"


def test_what_is_not_made_yet_says_so(advisor):
    for name in ("CrystalMap", "Ranking"):
        assert advisor.read_attribute(name).quality == AttrQuality.ATTR_INVALID
        assert "not made yet" in advisor.get_attribute_config(name).description


def test_redis_away_is_a_fault_and_mends_itself(advisor, redis, redis_server):
    put(redis)
    standing(advisor, "pending")
    redis_server.kill()
    until(lambda: advisor.State() == DevState.FAULT, "FAULT")
    with pytest.raises(tango.DevFailed, match="Redis is away"):
        advisor.Approve()
    redis_server.start()
    until(lambda: advisor.State() == DevState.ON, "ON again")
    advisor.Approve()
    standing(advisor, "approved")
