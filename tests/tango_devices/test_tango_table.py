"""Every row of the table, one by one: the field it reads, and how the device shows it."""

import json

import numpy as np
import pytest
from tango import DevState

from braggline_service.board import Snapshot
from braggline_tango.attributes import ADVISOR, INGEST, RECONSTRUCTION
from braggline_tango.reading import ALARM, CHANGING, INVALID, VALID, cut, read_advice, read_snapshot, read_status
from braggline_tango.state import state_of

SHAPE = (3, 4, 5)
VOLUMES = ("strain", "phase_rad", "amplitude", "d_spacing_m", "uncertainty")
VALUES = {
    "free_llk": 1.25,
    "resolution_m": 9e-9,
    "strain_rms": 2e-4,
    "defect_count": 2,
    "defects": [{"kind": "screw"}],
    "voxel_size_m": 5e-9,
    "uncertainty_median": 3e-5,
    "lattice_parameter_m": 3.92e-10,
    "facet_count": 1,
    "facets": [{"hkl": [1, 1, 1]}],
    "statistics": {"bulk": {"strain_mean": 1e-5}},
    "frames_used": 64,
    "result_file": "/tmp/a.h5",
    "latency_s": 3.5,
    "foreseen_fraction": 0.6,
    "defect_probability": 0.7,
}


def volume(number):
    return np.arange(60, dtype=np.float32).reshape(SHAPE) + 1000 * number


def snapshot(stage="final", **values):
    arrays = {name: volume(number) for number, name in enumerate(VOLUMES)}
    arrays["rocking_curve"] = np.arange(7)
    arrays |= {"slice_amplitude": np.eye(3), "slice_phase_rad": -np.eye(3)}
    return Snapshot("scan_1", stage, 0.5, VALUES | values, arrays)


def expected_of_snapshot():
    rows = {"Progress": 0.5, "Stage": "final", "RockingCurve": np.arange(7.0)}
    rows |= {
        "FreeLlk": 1.25, "Resolution": 9e-9, "StrainRms": 2e-4, "DefectCount": 2, "Defects": '[{"kind": "screw"}]',
        "VoxelSize": 5e-9, "FramesUsed": 64, "ResultFile": "/tmp/a.h5", "Latency": 3.5,
    }  # fmt: skip
    rows |= {
        "StrainUncertainty": 3e-5, "LatticeParameter": 3.92e-10, "FacetCount": 1, "Facets": '[{"hkl": [1, 1, 1]}]',
        "Statistics": '{"bulk": {"strain_mean": 1e-05}}',
    }  # fmt: skip
    rows |= {"SliceAmplitude": np.eye(3), "SlicePhase": -np.eye(3), "Foreseen": 0.6, "DefectProbability": 0.7}
    for number, prefix in enumerate(("Strain", "Phase", "Amplitude", "DSpacing", "Uncertainty")):
        v = volume(number)
        rows |= {f"{prefix}XY": v[1], f"{prefix}XZ": v[:, 2], f"{prefix}YZ": v[:, :, 2]}
    return rows


@pytest.mark.parametrize("row", RECONSTRUCTION, ids=lambda row: row.name)
def test_each_row_of_the_reconstruction(row):
    shown = read_snapshot(snapshot())[row.name]
    np.testing.assert_array_equal(shown.value, expected_of_snapshot()[row.name])
    assert shown.quality == VALID
    assert read_snapshot(None)[row.name].quality == INVALID


class Status:
    state, scan, expected, acquired, published, missing = "following", "scan_1", 100, 60, 55, 1
    lag_frames, frame_rate_hz, bytes_buffered, message = 4, 12.5, 1 << 33, "following scan_1"
    last_frame = np.arange(6, dtype=np.uint16).reshape(2, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ScanKey", "scan_1"),
        ("FramesExpected", 100),
        ("FramesAcquired", 60),
        ("FramesPublished", 55),
        ("FramesMissing", 1),
        ("Lag", 4),
        ("FrameRate", 12.5),
        ("BytesBuffered", 1 << 33),
        ("LastFrame", Status.last_frame),
    ],
)
def test_each_row_of_the_ingest(name, value):
    shown = read_status(Status())
    assert set(shown) == {row.name for row in INGEST}
    np.testing.assert_array_equal(shown[name].value, value)
    assert shown[name].quality == CHANGING


ADVICE = {
    "state": "pending",
    "id": "scan_1#1",
    "action": "widen",
    "parameters": {"center_deg": 1.0, "exposure_s": 2.0, "range_deg": 3.0, "step_deg": 0.5},
    "reason": "because",
    "expected_gain": "much",
    "confidence": 0.75,
    "expires_at": 0.0,
    "history": [{"at": 0.0, "id": "scan_1#1", "state": "pending", "action": "widen", "note": ""}],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NextPosition", 1.0),
        ("NextExposure", 2.0),
        ("NextRange", 3.0),
        ("NextStep", 0.5),
        ("Reason", "because"),
        ("ExpectedGain", "much"),
        ("Confidence", 0.75),
    ],
)
def test_each_row_of_the_advisor(name, value):
    assert read_advice(ADVICE)[name].value == value
    assert read_advice(ADVICE)[name].quality == VALID


def test_the_record_of_the_advisor():
    shown = read_advice(ADVICE)
    assert set(shown) == {row.name for row in ADVISOR}
    assert json.loads(shown["Recommendation"].value)["id"] == "scan_1#1"
    assert shown["ExpiresAt"].value[:4] in ("1969", "1970")
    assert shown["History"].value[0].endswith("pending scan_1#1 widen")
    assert shown["CrystalMap"].quality == shown["Ranking"].quality == INVALID


def test_numbers_that_lapsed_cannot_be_used_by_mistake():
    shown = read_advice(ADVICE | {"state": "expired"})
    assert shown["NextRange"].quality == INVALID
    assert shown["Reason"].quality == VALID


@pytest.mark.parametrize("row", [*INGEST, *RECONSTRUCTION, *ADVISOR], ids=lambda row: row.name)
def test_every_row_says_what_it_is(row):
    assert row.label
    assert len(row.description) > 5
    if row.name.startswith("Frames") or row.kind == "int":
        assert row.format == "%d"


@pytest.mark.parametrize(
    ("stage", "values", "accepted", "quality", "state"),
    [
        ("following", {}, False, CHANGING, DevState.RUNNING),
        ("phasing", {}, False, CHANGING, DevState.RUNNING),
        ("final", {}, False, VALID, DevState.ON),
        ("final", {"gate": "failed"}, False, ALARM, DevState.ALARM),
        ("final", {"gate": "failed"}, True, VALID, DevState.ON),
        ("aborted", {}, False, ALARM, DevState.ALARM),
        ("failed", {}, False, ALARM, DevState.ALARM),
    ],
)
def test_quality_and_state(stage, values, accepted, quality, state):
    given = snapshot(stage, **values)
    assert read_snapshot(given, accepted=accepted)["StrainXY"].quality == quality
    assert state_of(given, accepted, None, "")[0] == state


def test_what_is_not_known_is_invalid_and_not_zero():
    shown = read_snapshot(Snapshot("scan_1", "following", 0.1, {"free_llk": None}, {}))
    assert {name for name, s in shown.items() if s.quality != INVALID} == {"Progress", "Stage"}


def test_a_cut_never_leaves_the_volume():
    v = volume(0)
    np.testing.assert_array_equal(cut(v, 0, 99), v[2])
    np.testing.assert_array_equal(cut(v, 2, -1), v[:, :, 2])
    np.testing.assert_array_equal(cut(v, 1, 0), v[:, 0])
