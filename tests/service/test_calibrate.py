"""braggline calibrate on files as BLISS writes them: a known pose comes back, and what is wrong is one line."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from braggline_models.geometry.calibrate import direct_beam_px
from braggline_models.scan import RockingCurve
from braggline_service.beamlines import load_beamline
from braggline_service.sources.write import write_bliss_nexus

TRUTH = {"distance_m": 0.8712, "beam_center_px": (172.91, 295.60), "tilt_deg": 2.5, "tilt_azimuth_deg": 40.0,
         "rotation_deg": -1.2}  # fmt: skip
D, U = np.meshgrid(np.linspace(-0.3, 0.9, 6), [-0.7, -0.4, -0.14, 0.0, 0.14, 0.4, 0.6])  # some in the gap
MESH = {"delta": D.ravel(), "nu": U.ravel()}
LINE = {"delta": np.linspace(-0.55, 1.1, 25), "nu": np.zeros(25)}


def write_scan(path: Path, angles: dict[str, np.ndarray], counts: float = 1e5, width_px: float = 2.5) -> Path:
    """Poisson spots of the direct beam where the true detector has them; the file tells nominal values."""
    line = load_beamline("id01")
    configured, mask = line.detector("mpx1x4")
    row, column = direct_beam_px(line.diffractometer, replace(configured, **TRUTH), angles)
    rng, n = np.random.default_rng(3), len(row)
    rows, columns = np.indices(configured.shape_px)
    frames = np.zeros((n, *configured.shape_px), np.uint16)
    for i in range(n):
        spot = np.exp(-((rows - row[i]) ** 2 + (columns - column[i]) ** 2) / (2 * width_px**2))
        frames[i] = rng.poisson(counts / (2 * np.pi * width_px**2) * spot + 0.02)
    frames[:, mask] = 0
    positions = {"eta": 0.01 * np.arange(n), "phi": np.zeros(n)} | angles
    curve = RockingCurve("arm", frames, mask, np.ones(n, bool), positions, 9000.0, configured, line.diffractometer, 0.1)
    return changed(write_bliss_nexus(path, curve), "instrument/positioners/eta", 0.0)


def changed(path: Path, dataset: str, data: object, entry: str = "1.1") -> Path:
    with h5py.File(path, "r+") as file:
        if f"{entry}/{dataset}" in file:
            del file[f"{entry}/{dataset}"]
        file[f"{entry}/{dataset}"] = data
    return path


def run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "braggline_service.cli", "calibrate", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scan(tmp_path_factory.mktemp("arm") / "mesh.h5", MESH)


def test_a_mesh_of_both_circles_gives_back_the_whole_pose(mesh: Path) -> None:
    done = run(mesh, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    deviation = told["deviation"]
    assert told["held"] == {}
    assert told["rms_px"] < 0.1
    assert 25 < told["frames_used"] <= told["frames_total"] == 42
    row, column = told["beam_center_px"]
    found = told | {"beam_center_row_px": row, "beam_center_column_px": column}
    truth = dict(TRUTH, beam_center_row_px=TRUTH["beam_center_px"][0], beam_center_column_px=TRUTH["beam_center_px"][1])
    for name, sigma in deviation.items():
        assert abs(found[name] - truth[name]) < 4 * sigma, (name, found[name], truth[name], sigma)
    assert deviation["distance_m"] < 2e-4
    assert [flag for flag in told["flags"] if "in a gap or at an edge" in flag]


def test_for_a_person_it_prints_yaml_that_the_configuration_takes(mesh: Path) -> None:
    done = run(mesh)
    told = yaml.safe_load(done.stdout)["detectors"]["maxipix"]
    assert told["distance_m"] == pytest.approx(TRUTH["distance_m"], rel=1e-3)
    assert told["tilt_deg"] == pytest.approx(TRUTH["tilt_deg"], abs=0.5)
    assert (
        load_beamline("id01")
        .detectors["maxipix"]
        .model_validate(load_beamline("id01").detectors["maxipix"].model_dump() | told)
    )
    assert "residual 0.0" in done.stderr
    assert "distance" in done.stderr
    assert "+-" in done.stderr


def test_one_circle_alone_says_what_it_cannot_tell(tmp_path: Path) -> None:
    done = run(write_scan(tmp_path / "line.h5", LINE), "--json")
    told = json.loads(done.stdout)
    assert list(told["held"]) == ["tilt_about_rows_deg"]
    assert "tilt about the row direction is not determined by this scan: held at 0" in done.stderr
    assert told["distance_m"] == pytest.approx(TRUTH["distance_m"], rel=2e-3)
    assert told["deviation"]["tilt_azimuth_deg"] is None


def test_two_scans_of_one_circle_each_tell_everything_together(tmp_path: Path) -> None:
    first = write_scan(tmp_path / "two.h5", LINE)
    second = write_scan(tmp_path / "nu.h5", {"delta": np.full(25, 0.2), "nu": np.linspace(-0.7, 0.6, 25)})
    with h5py.File(first, "r+") as file, h5py.File(second, "r") as other:
        other.copy("1.1", file, "2.1")
        del file["2.1/measurement/mpx1x4"]
        file["2.1/measurement/mpx1x4"] = h5py.SoftLink("/2.1/instrument/mpx1x4/image")
    assert "2 scans move the arm" in run(first).stderr
    told = json.loads(run(first, "--entry", "1.1", "--entry", "2", "--json").stdout)
    assert told["held"] == {}
    assert told["frames_total"] == 50
    assert told["tilt_deg"] == pytest.approx(TRUTH["tilt_deg"], abs=4 * told["deviation"]["tilt_deg"])


def test_frames_without_the_beam_are_left_out_and_said(tmp_path: Path) -> None:
    far = {"delta": np.linspace(-0.5, 3.0, 25), "nu": np.zeros(25)}  # the beam leaves the detector
    done = run(write_scan(tmp_path / "far.h5", far), "--json")
    told = json.loads(done.stdout)
    assert told["frames_used"] < 20
    assert "frames left out: no beam" in done.stderr
    assert told["distance_m"] == pytest.approx(TRUTH["distance_m"], rel=5e-3)


@pytest.mark.parametrize(
    ("angles", "words", "expected"),
    [
        ({"delta": np.zeros(9), "nu": np.zeros(9)}, (), "no detector circle (nu, delta) moves in a scan"),
        ({"delta": np.zeros(9), "nu": np.zeros(9)}, ("--entry", "1.1"), "no detector circle moves (nu, delta)"),
        ({"delta": np.linspace(0, 0.2, 4), "nu": np.zeros(4)}, (), "in 4 frame(s); a fit needs at least 5"),
        (LINE, ("--entry", "7"), "no entry '7'; there are 1.1"),
        (LINE, ("--detector", "eiger2M"), "no detector 'eiger2M' in this scan"),
        (LINE, ("--beamline", "nowhere"), "beamline 'nowhere' is unknown"),
        (LINE, ("--set", "recipe.runs=3"), "a calibration has no recipe"),
        (LINE, ("--set", "wrong=3"), "unknown key"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, angles, words: tuple[str, ...], expected: str) -> None:
    done = run(write_scan(tmp_path / "bad.h5", angles), *words)
    assert done.returncode == 2
    assert expected in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""
