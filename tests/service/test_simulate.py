"""braggline simulate and simulate-map as a person uses them: BLISS-like files, and the truth beside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  the frames are packed with its filter
import numpy as np
import pytest

from braggline_models.geometry import check_reflection, q_of
from braggline_models.geometry.materials import material
from braggline_service.sources.read import read_scan

QUICK = ("--frames", 40, "--size-nm", 150, "--step", 0.016)


def braggline(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "braggline_service.cli", *map(str, words)]
    environment = {key: value for key, value in os.environ.items() if key != "BRAGGLINE_SETTINGS"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


def test_a_scan_with_everything_wrong_reads_back_as_it_was_planted(tmp_path: Path) -> None:
    out = tmp_path / "scan.h5"
    done = braggline(
        "simulate", "-o", out, *QUICK, "--material", "au", "--reflection", "2,0,0", "--defect", "edge", "--defect",
        "invisible-screw", "--hot", 6, "--dead", 4, "--zingers", 0.5, "--alien", 0.1, "--background", 0.01,
        "--saturation", 2000, "--flux-noise", 0.1, "--drift", 0.5, "--jitter", 0.1, "--coherence", 0.3,
        "--photons", 1e6,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    curve = read_scan(out)
    truth = np.load(tmp_path / "scan.truth.npz")
    assert curve.detector.saturation_counts == 2000
    assert curve.monitor is not None
    assert np.corrcoef(curve.monitor, truth["flux"])[0, 1] > 0.99
    assert len(truth["hot"]) == 6
    assert len(truth["dead"]) == 4
    assert not curve.intensity[:, truth["dead"][:, 0], truth["dead"][:, 1]].any()
    assert (curve.intensity[tuple(truth["saturated"].T)] == 2000).all()
    assert len(truth["alien"]) > 10
    defects = json.loads(str(truth["defects"]))
    assert [(d["kind"], d["visible"]) for d in defects] == [("edge", True), ("screw", False)]
    for defect in defects:
        assert defect["g_dot_b"] == pytest.approx(np.dot((2, 0, 0), defect["burgers"]))
    assert json.loads(str(truth["crystal"])) == {"material": "Au", "reflection": [2, 0, 0]}
    assert check_reflection(truth["q_bragg_per_m"], (2, 0, 0), material("Au").lattice_parameter_m) is None
    start = truth["crop_start_px"]
    bragg = [start[k] + truth["object"].shape[k] // 2 for k in range(3)]
    angles = {name: float(values[bragg[0]]) for name, values in curve.angles_deg.items()}
    q = q_of(curve.diffractometer, curve.detector, angles, bragg[1], bragg[2], curve.energy_eV)
    np.testing.assert_allclose(q, truth["q_bragg_per_m"], rtol=1e-6, atol=1e3)


def test_without_a_monitor_there_is_none(tmp_path: Path) -> None:
    out = tmp_path / "scan.h5"
    assert braggline("simulate", "-o", out, *QUICK, "--no-monitor").returncode == 0
    assert read_scan(out).monitor is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("simulate", "--defect", "loop"), "defect 'loop' is unknown; take one of screw"),
        (("simulate", "--reflection", "1,1,2"), "1 1 2 does not exist in an fcc metal"),
        (("simulate", "--reflection", "x"), "reflection 'x': no three indices"),
        (("simulate", "--alien", "3"), "each is a share of the peak"),
        (("simulate", "--hot", "999999"), "too many"),
        (("simulate-map", "--crystals", "900"), "do not fit into"),
        (("simulate-map", "--detector", "nope"), "detector 'nope' is unknown"),
    ],
)
def test_nonsense_is_one_line_and_leaves_no_file(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    done = braggline(*words, "-o", tmp_path / "out.h5")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert says in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_map_is_an_amesh_with_its_islands_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "map.h5"
    done = braggline(
        "simulate-map", "-o", out, "--points", 9, "--step-nm", 200, "--crystals", 1, "--hot", 3, "--streak", 4,
        "--seed", 2, "--tilt", 0.02,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "map.truth.json").read_text())
    with h5py.File(out) as file:
        scan = file["1.1"]
        assert scan["title"].asstr()[()] == "amesh pix 49.2 50.8 8 piy 49.2 50.8 8 0.02"
        pix, piy = (scan[f"measurement/{name}"][()] for name in ("pix", "piy"))
        assert scan["instrument/positioners/pix"].attrs["units"] == "um"
        frames = scan["measurement/mpx1x4"][()]
        assert frames.shape == (81, 516, 516)
        assert len(scan["measurement/mon2"]) == 81
        assert scan["end_reason"].asstr()[()] == "SUCCESS"
        assert float(scan["instrument/positioners/eta"][()]) == pytest.approx(17.7, abs=0.05)
    assert pix[:9] == pytest.approx(np.linspace(49.2, 50.8, 9))
    assert np.ptp(piy[:9]) == 0.0
    (island,) = told["islands"]
    row, column = (round(p) for p in island["peak_px"])
    hot = np.zeros((516, 516), bool)
    hot[tuple(np.array(told["hot"]).T)] = True
    window = np.where(hot, 0, frames)[:, row - 8 : row + 9, column - 8 : column + 9].sum(axis=(1, 2))
    at = int(window.argmax())
    assert abs(piy[at] - island["piy_um"]) <= 0.2
    assert abs(pix[at] - island["pix_um"]) <= 0.5, "the footprint is longer along the beam"


def test_the_benchmark_counts_volumes_and_times_a_map() -> None:
    done = braggline("bench", "simulator", "--volumes", 4, "--points", 3, "--workers", 1)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["volumes"], told["workers"], told["map_points"], told["shape"]) == (4, 1, [3, 3], [32, 32, 32])
    assert min(told[key] for key in ("volumes_per_s", "volume_cpu_s", "map_s", "map_cpu_s")) > 0
