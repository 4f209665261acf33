"""Beamlines from their files: what is known is found, what is wrong is said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from braggline_models.errors import BadInput
from braggline_service.beamlines import load_beamline
from braggline_service.settings import config_dir


def test_id01_turns_as_physics_says() -> None:
    beamline = load_beamline("id01")
    circles = {c.name: c.axis for c in beamline.diffractometer.sample_circles}
    arms = {c.name: c.axis for c in beamline.diffractometer.detector_circles}
    assert list(circles.items()) == [("eta", (0, -1, 0)), ("phi", (0, 0, -1))]  # outer to inner
    assert list(arms.items()) == [("nu", (0, 0, -1)), ("delta", (0, -1, 0))]
    assert beamline.diffractometer.row_direction == (0, 0, -1)
    assert beamline.diffractometer.column_direction == (0, 1, 0)
    assert beamline.motors == {name: name for name in ("eta", "phi", "nu", "delta")}


@pytest.mark.parametrize("alias", ["maxipix", "mpx1x4", "MPX1x4", "mpxgaas", "simdet"])
def test_maxipix_by_every_name(alias: str) -> None:
    detector, mask = load_beamline("id01").detector(alias)
    assert (detector.name, detector.shape_px, detector.pixel_size_m) == ("maxipix", (516, 516), (55e-6, 55e-6))
    assert mask[255:261].all()
    assert mask[:, 255:261].all()
    assert mask.sum() == 516**2 - 510**2


def test_eiger2m_has_its_gaps() -> None:
    detector, mask = load_beamline("id01").detector("eiger2M")
    assert detector.shape_px == mask.shape == (2164, 1030)
    rows = np.flatnonzero(np.diff(mask.all(axis=1).astype(int))) + 1
    starts = rows[::2]
    assert np.abs(starts[2:] - starts[:-2] - 550).max() <= 1  # modules repeat
    assert rows.tolist() == [255, 259, 511, 552, 804, 809, 1061, 1102, 1355, 1359, 1611, 1652, 1905, 1909]
    columns = np.flatnonzero(np.diff(mask.all(axis=0).astype(int))) + 1
    assert columns.tolist() == [255, 259, 513, 517, 771, 775]


def test_34idc_is_there() -> None:
    beamline = load_beamline("aps34idc")
    assert [c.name for c in beamline.diffractometer.sample_circles] == ["theta", "chi", "phi"]
    detector, mask = beamline.detector("34idcTIM2")
    assert detector.shape_px == (256, 256)
    assert not mask.any()


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(BadInput, match="id01") as told:
        load_beamline("id99")
    assert "\n" not in str(told.value)
    with pytest.raises(BadInput, match=r"maxipix.*eiger2m") as told:
        load_beamline("id01").detector("pilatus")
    assert "\n" not in str(told.value)


def altered(tmp_path: Path, **changes: Any) -> str:
    data = yaml.safe_load((config_dir() / "beamlines" / "id01.yaml").read_text())
    path = tmp_path / "altered.yaml"
    path.write_text(yaml.safe_dump({**data, **changes}))
    return str(path)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    assert load_beamline(altered(tmp_path, name="mine")).name == "mine"


MAXIPIX = {"shape_px": [4, 4], "pixel_size_m": [1e-4, 1e-4], "distance_m": 1.0, "beam_center_px": [2, 2]}
WRONG = {
    "at least 1 item": {"sample_circles": []},
    "detector_circles": {"detector_circles": None},
    "extra inputs": {"circles": []},
    "no unit vector": {"row_direction": [0, 0, -2]},
    "not perpendicular": {"row_direction": [0, 1, 0]},
    "two circles are named eta": {"detector_circles": [{"name": "eta", "axis": [0, -1, 0]}]},
    "two detectors are named b": {"detectors": {"a": {**MAXIPIX, "aliases": ["B"]}, "b": MAXIPIX}},
    r"gap \[3, 5\] is not a range within 4 pixels": {"detectors": {"a": {**MAXIPIX, "gap_rows": [[3, 5]]}}},
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_file_is_refused(tmp_path: Path, message: str) -> None:
    with pytest.raises(BadInput, match=message) as told:
        load_beamline(altered(tmp_path, **WRONG[message]))
    assert "\n" not in str(told.value)
    assert "altered.yaml" in str(told.value)
