"""The parts of `bragg` that need no BLISS, against real devices: what it reads, sets, refuses and plans."""

import json
import time
from dataclasses import replace

import pytest
import tango
from tango.test_context import MultiDeviceTestContext

from braggline_bliss.devices import Devices, Refused, ServiceAway
from braggline_bliss.last import SHOWN, LastResult
from braggline_bliss.params import TABLE, Params
from braggline_bliss.rocking import plan_rocking
from braggline_bliss.standing import Standing
from braggline_models.results import Recommendation
from braggline_service.advice import Advice
from braggline_service.board import Board, Snapshot
from braggline_service.settings import AdviceSettings
from braggline_tango.advisor import BraggAdvisor
from braggline_tango.reconstruction import BraggReconstruction

from .conftest import until

PARAMETERS = {"center_deg": 18.0, "range_deg": 0.4, "step_deg": 0.01, "exposure_s": 0.5, "points": 41.0}
APPROVED = Standing("approved", "scan_1#1", "widen", PARAMETERS, "why", "gain", 0.8, time.time() + 60)


@pytest.fixture
def service(settings_file):
    """Advisor and reconstruction run, the ingest is away."""
    properties = {"SettingsFile": str(settings_file), "RunJobs": "false"}
    classes = {"advisor": BraggAdvisor, "reconstruction": BraggReconstruction}
    entries = [
        {"class": made, "devices": [{"name": f"id01/{role}/test", "properties": properties}]}
        for role, made in classes.items()
    ]
    with MultiDeviceTestContext(entries, process=True) as context:
        names = {role: context.get_device_access(f"id01/{role}/test") for role in classes}
        yield Devices(names | {"ingest": context.get_device_access("id01/ingest/test")}, tango.DeviceProxy)


def test_parameters_are_set_kept_and_refused(service, redis):
    params = Params(service)
    params.runs = 9
    params.slice_index = [1, -1, 2]
    until(lambda: Board(redis).read("parameters") == {"runs": 9}, "the jobs' parameters")
    assert (params.runs, params.slice_index) == (9, [1, -1, 2])
    with pytest.raises(AttributeError, match="has no 'magic'; it has recipe, runs"):
        params.magic = 1
    with pytest.raises(AttributeError, match="has no 'magic'"):
        _ = params.magic
    with pytest.raises(Refused, match="mode 'maybe' is unknown"):
        params.mode = "maybe"
    with pytest.raises(Refused, match="above the maximum"):
        params.runs = 10_000
    assert set(dir(params)) == set(TABLE)
    text = params.__info__()
    assert "(away)" in text  # those of the ingest
    assert "suggest" in text


def test_a_device_that_is_away_is_one_line(service):
    with pytest.raises(ServiceAway, match=r"^\S*id01/ingest/test.* does not answer .*; is `braggline up` running\?$"):
        service.read("ingest", "Detector")
    state, status = service.state("ingest")
    assert state == "AWAY"
    assert "\n" not in status
    assert service.state("advisor")[0] == "ON"


def test_the_standing_recommendation_and_the_last_result_read_well(service, redis):
    board = Board(redis)
    assert Standing.from_json(service.read("advisor", "Recommendation")).state == "none"
    board.publish(Snapshot("scan_1", "final", 1.0, {"resolution_m": 9e-9, "result_file": "/data/a.h5"}))
    Advice(board, AdviceSettings()).put("scan_1", Recommendation("widen", PARAMETERS, "why", "gain", 0.8, 60.0))
    text = until(lambda: service.read("advisor", "Recommendation"), "a recommendation")
    standing = Standing.from_json(text)
    assert (standing.state, standing.identifier) == ("pending", "scan_1#1")
    assert "WIDEN  (scan_1#1, pending" in standing.__info__()
    assert "center 18.0000 deg, range 0.4000 deg, step 0.01000 deg, 41 points, 0.500 s each" in standing.__info__()
    until(lambda: service.read("reconstruction", "Stage") == "final", "the result")
    last = LastResult(service.read_many("reconstruction", SHOWN))
    assert "9e-09 m (half period)" in last.__info__()
    assert "StrainRms" not in last.values


def test_every_attribute_that_the_shell_names_exists(service):
    here = {
        role: set(tango.DeviceProxy(service.names[role]).get_attribute_list()) for role in ("advisor", "reconstruction")
    }
    asked = [(role, attribute) for role, attribute, _ in TABLE.values() if role in here]
    asked += [("reconstruction", attribute) for attribute in SHOWN] + [("advisor", "Recommendation")]
    assert [pair for pair in asked if pair[1] not in here[pair[0]]] == []


def test_an_approved_recommendation_fills_what_is_not_given():
    plan = plan_rocking(APPROVED, position=17.0)
    assert (plan.start, plan.stop, plan.points, plan.exposure_s) == (17.8, 18.2, 41, 0.5)
    assert plan.identifier == "scan_1#1"
    assert plan.told("eta").endswith("half_width, points, exposure, center from scan_1#1")
    plan = plan_rocking(APPROVED, 17.0, exposure=2.0, center=17.5)
    assert (plan.center, plan.exposure_s, plan.taken) == (17.5, 2.0, ("half_width", "points"))


ENERGY = {"center_eV": 9012.5, "range_eV": 80.0, "step_eV": 2.0, "exposure_s": 0.5, "points": 41.0}


def test_advice_for_an_energy_scan_is_read_planned_and_told_in_eV():
    standing = replace(APPROVED, parameters=ENERGY)
    assert standing.parameters_line() == "center 9012.5 eV, range 80.0 eV, step 2.000 eV, 41 points, 0.500 s each"
    plan = plan_rocking(standing, 9000.0, unit="eV")
    assert (plan.start, plan.stop, plan.points, plan.center) == (8972.5, 9052.5, 41, 9012.5)
    assert plan.told("mononrj").startswith("mononrj 8972.5 .. 9052.5 eV, 41 points (step 2.000 eV), 0.5 s each")


def test_advice_in_one_unit_is_no_plan_in_the_other():
    with pytest.raises(
        ValueError, match=r"\(the recommendation scan_1#1 is in eV: rocking\(energy=True\) follows it\)"
    ):
        plan_rocking(replace(APPROVED, parameters=ENERGY), 17.0)
    with pytest.raises(ValueError, match=r"is in deg: rocking\(\) follows it"):
        plan_rocking(APPROVED, 9000.0, unit="eV")
    plan = plan_rocking(replace(APPROVED, parameters=ENERGY), 17.0, 0.1, 21, 1.0)
    assert (plan.start, plan.identifier, plan.unit) == (16.9, "", "deg")


def test_a_scan_whose_numbers_are_given_uses_no_recommendation():
    plan = plan_rocking(Standing("none"), 17.0, 0.1, 21, 1.0)
    assert (plan.start, plan.stop, plan.identifier) == (16.9, 17.1, "")
    assert plan.told("eta") == "eta 16.9000 .. 17.1000 deg, 21 points (step 0.01000 deg), 1 s each: 21 s of counting"


@pytest.mark.parametrize(
    ("standing", "given", "message"),
    [
        (Standing("none"), {"points": 5}, r"give half_width=, exposure= \(no recommendation stands\)"),
        (Standing("pending", "a#1"), {}, r"or approve a#1 first: bragg.approve\(\)"),
        (Standing("pending", "a#1", mode="confirm"), {}, "a#1 waits for your decision"),
        (Standing("expired", "a#1"), {}, r"\(the recommendation a#1 is expired\)"),
        (Standing("none"), {"half_width": 0.0, "points": 9, "exposure": 1.0}, "are above 0"),
        (Standing("none"), {"half_width": 0.1, "points": 2, "exposure": 1.0}, "points at least 5"),
    ],
)
def test_what_is_missing_is_asked_for(standing, given, message):
    with pytest.raises(ValueError, match=message):
        plan_rocking(standing, 17.0, **given)


def test_what_the_advisor_writes_is_what_the_shell_reads(redis):
    put = Advice(Board(redis), AdviceSettings()).put(
        "scan_1", Recommendation("move on", {"range_deg": 1.0}, "why", "gain", 0.5, 60.0)
    )
    assert Standing.from_json(json.dumps(put)).parameters == {"range_deg": 1.0}
