"""The life of a recommendation on a real Redis, with a clock that the test turns."""

import threading

import pytest
from redis import Redis

from braggline_models.errors import BadInput
from braggline_models.results import Recommendation
from braggline_service.advice import HISTORY_KEPT, Advice
from braggline_service.board import Board
from braggline_service.settings import AdviceSettings

WIDEN = Recommendation(
    "widen",
    {"range_deg": 9.0, "step_deg": 0.05, "points": 181.0, "exposure_s": 1.0},
    "the scan ends in the fringes",
    "resolution 14.0 -> about 10.0 nm",
    0.8,
    60.0,
)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def advice(redis_server, clock):
    redis = Redis.from_url(redis_server.url)
    yield Advice(Board(redis), AdviceSettings(), clock)
    redis.close()


def states(advice):
    return [line["state"] for line in advice.current()["history"]]


def test_pending_approved_applied(advice):
    put = advice.put("scan_1", WIDEN)
    assert (put["state"], put["mode"], put["expires_at"]) == ("pending", "suggest", 1060.0)
    assert advice.approve(put["id"])["state"] == "approved"
    assert advice.applied(put["id"])["state"] == "applied"
    assert states(advice) == ["pending", "approved", "applied"]


def test_parameters_are_inside_the_limits_and_the_limits_are_named(advice):
    put = advice.put("scan_1", WIDEN)
    assert put["parameters"]["range_deg"] == 4.0
    assert put["limits_hit"] == ["max_range_deg"]
    advice.board.write("advisor", {"mode": "suggest", "limits": {"max_range_deg": 2.0}})
    assert advice.put("scan_2", WIDEN)["parameters"]["range_deg"] == 2.0


def test_mode_auto_approves_and_mode_off_drops(advice):
    advice.board.write("advisor", {"mode": "auto"})
    assert advice.put("scan_1", WIDEN)["state"] == "approved"
    advice.board.write("advisor", {"mode": "off"})
    assert advice.put("scan_2", WIDEN)["scan"] == "scan_1"


def test_it_expires(advice, clock):
    advice.put("scan_1", WIDEN)
    clock.now += 60.0
    assert advice.current()["state"] == "expired"
    with pytest.raises(BadInput, match=r"^cannot approve: .* expired \(scan_1#1, not used in time\)$"):
        advice.approve()
    assert states(advice) == ["pending", "expired"]


def test_an_approved_one_expires_too(advice, clock):
    put = advice.put("scan_1", WIDEN)
    advice.approve()
    clock.now += 61.0
    with pytest.raises(BadInput, match="cannot apply"):
        advice.applied(put["id"])


def test_nothing_stands_and_a_newer_one_stands(advice):
    with pytest.raises(BadInput, match="none; the next scan makes one"):
        advice.approve()
    first = advice.put("scan_1", WIDEN)
    second = advice.put("scan_2", WIDEN)
    with pytest.raises(BadInput, match=f"pending \\({second['id']}\\)"):
        advice.approve(first["id"])


def test_reject_needs_no_reason_but_keeps_it_and_clear_takes_away(advice):
    advice.put("scan_1", WIDEN)
    advice.reject("the crystal moved")
    with pytest.raises(BadInput, match=r"rejected .*the crystal moved"):
        advice.approve()
    assert advice.clear()["state"] == "none"
    assert states(advice) == ["pending", "rejected", "none"]
    assert advice.put("scan_2", WIDEN)["id"] == "scan_2#2"


def test_the_history_is_bounded(advice):
    for number in range(HISTORY_KEPT + 5):
        advice.put(f"scan_{number}", WIDEN)
    history = advice.current()["history"]
    assert len(history) == HISTORY_KEPT
    assert history[-1]["scan"] == f"scan_{HISTORY_KEPT + 4}"


def test_two_who_approve_at_once_get_one_approval(advice):
    advice.put("scan_1", WIDEN)
    answers = []

    def approve():
        try:
            answers.append(advice.approve()["state"])
        except BadInput:
            answers.append("refused")

    threads = [threading.Thread(target=approve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["approved", "refused", "refused", "refused"]


def test_unknown_mode_and_unknown_limit_are_refused(advice):
    with pytest.raises(BadInput, match="mode 'maybe' is unknown; use one of off, suggest, confirm, auto"):
        advice.put("scan_1", WIDEN, mode="maybe")
    advice.board.write("advisor", {"limits": {"max_dose": 1.0}})
    with pytest.raises(BadInput, match="'max_dose' is unknown"):
        advice.put("scan_1", WIDEN)
