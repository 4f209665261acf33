"""The command `braggline` as a person uses it: a process of its own, real files, exit codes and one line each."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  the frames are packed with its filter
import numpy as np
import pytest

KEYS = {
    "voxels", "free_llk", "resolution_m", "strain_rms", "agreement", "runs_kept", "runs_total", "frames_expected",
    "frames_used", "elapsed_s", "recommendation", "file", "report", "flags", "pairwise", "uncertainty_median",
    "lattice_parameter_m", "facet_count", "facets", "defect_count", "defects", "statistics", "cleaning",
}  # fmt: skip
QUICK = ("--recipe", "fast", "--runs", "2", "--set", "recipe.largest_px=48", "--threads", "1")
IMAGE = "1.1/instrument/mpx1x4/image"
SHARED = Path(os.environ.get("BRAGGLINE_SHARED", Path(__file__).parents[3] / "shared"))


def braggline(*words: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "braggline_service.cli", *map(str, words)]
    environment = {key: value for key, value in os.environ.items() if key != "BRAGGLINE_SETTINGS"}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, timeout=300)


def refused(*words: object, says: str, folder: Path | None = None) -> None:
    done = braggline(*words, folder=folder)
    lines = done.stderr.strip().splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (2, "", 1), done.stderr
    assert says in lines[0], lines[0]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("simulated") / "scan.h5"
    done = braggline("simulate", "-o", path, "--frames", 32, "--size-nm", 150, "--step", 0.02, "--photons", 1e6)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def scan(simulated: Path, tmp_path: Path) -> Path:
    path = tmp_path / "scan.h5"
    path.write_bytes(simulated.read_bytes())
    return path


def test_reconstruct_prints_one_object_and_writes_its_files(scan: Path) -> None:
    out = scan.parent / "out.h5"
    done = braggline("reconstruct", scan, "-o", out, "--json", *QUICK)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    told = json.loads(done.stdout)
    assert set(told) == KEYS
    assert (told["frames_expected"], told["frames_used"], told["runs_total"]) == (32, 32, 2)
    assert told["recommendation"]["action"]
    beside = {"out.vti", "out.html", "out_slices.png", "out_surface.png"}
    assert {p.name for p in out.parent.iterdir()} == {"scan.h5", "out.h5", *beside}
    with h5py.File(out) as file:
        assert np.isfinite(file["entry_1/sample_frame/strain"][()]).any()
        assert [flag.decode() for flag in file["entry_1/quality/flags"]] == told["flags"]
    assert "100%" in done.stderr
    page = (scan.parent / "out.html").read_text()
    assert page.count("data:image/png;base64,") == 2
    assert "http:" not in page
    assert "https:" not in page


def test_the_same_seed_gives_the_same_bits(scan: Path) -> None:
    objects = []
    for name in ("a.h5", "b.h5"):
        done = braggline("reconstruct", scan, "-o", scan.parent / name, *QUICK, "--seed", 3)
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
        with h5py.File(scan.parent / name) as file:
            objects.append(file["entry_1/detector_frame/object"][()])
    np.testing.assert_array_equal(objects[0], objects[1])


def test_suspect_input_is_reconstructed_and_said(scan: Path) -> None:
    with h5py.File(scan, "r+") as file:
        frames = file[IMAGE][()].astype(np.int32)
        frames[2, 10, 10] = -1
        frames[5] = 0
        frames[4, 100:103, 100:103] = 10
        del file[IMAGE]
        file[IMAGE] = frames
    done = braggline("reconstruct", scan, "-o", scan.parent / "out.h5", "--json", *QUICK)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["frames_used"] in (31, 32)
    for text in ("1 pixel(s) are NaN or negative",):
        assert text in done.stderr
        assert any(text in flag for flag in told["flags"])


def test_several_scans_of_one_crystal_are_added(scan: Path) -> None:
    """A second entry of the same file and a scan of another one; one of another crystal is left out."""
    other, alien = scan.parent / "other.h5", scan.parent / "alien.h5"
    other.write_bytes(scan.read_bytes())
    with h5py.File(scan, "r+") as file:
        file.copy("1.1", "2.1")
    words = ("--frames", 32, "--size-nm", 180, "--step", 0.02, "--photons", 1e6, "--seed", 7)
    assert braggline("simulate", "-o", alien, *words).returncode == 0
    out = scan.parent / "out.h5"
    entries = ("--entry", "1.1,2.1", "--entry", f"{other}::1.1", "--entry", f"{alien}::1.1")
    done = braggline("reconstruct", scan, "-o", out, "--json", *entries, *QUICK)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert "alien_1.1: shifted by" in done.stderr
    assert any("alien_1.1" in flag and "left out" in flag for flag in told["flags"])
    added = [step["name"] for step in told["cleaning"] if step["name"].startswith("added ")]
    assert [name.split(":")[0] for name in added] == ["added scan_2.1", "added other_1.1"]
    with h5py.File(out) as file:
        assert list(file["entry_1/process/input"].asstr()) == ["scan_1.1", "scan_2.1", "other_1.1"]
    assert "other_1.1" in (scan.parent / "out.html").read_text()


# ---- bad input: exit code 2, one line, nothing written
def emptied(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file[IMAGE][...] = 0


def shortened(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        eta = file["1.1/instrument/positioners/eta"][:-3]
        del file["1.1/instrument/positioners/eta"]
        file["1.1/instrument/positioners/eta"] = eta


def without_phi(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["1.1/instrument/positioners/phi"]


def one_frame(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        frames = file[IMAGE][:1]
        del file[IMAGE]
        file[IMAGE] = frames


def nan(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        frames = file[IMAGE][()].astype(np.float32)
        frames[::2, ::3, ::3] = np.nan
        del file[IMAGE]
        file[IMAGE] = frames


def absent_source(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        shape = file[IMAGE].shape
        layout = h5py.VirtualLayout(shape, "u4")
        layout[...] = h5py.VirtualSource("lima/gone_0000.h5", "/entry/data", shape)
        del file[IMAGE]
        file.create_virtual_dataset(IMAGE, layout)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (emptied, "every frame is empty"),
        (shortened, "29 positions for 32 frames"),
        (without_phi, "--set phi=DEG"),
        (one_frame, "one frame only"),
        (nan, "are NaN or negative"),
        (absent_source, "lima/gone_0000.h5, is absent"),
        (lambda path: path.write_bytes(path.read_bytes()[:20_000]), "truncated or half written"),
        (lambda path: path.write_text("no scan"), "not an HDF5 file"),
        (Path.unlink, "no such file"),
    ],
)
def test_bad_scans(scan: Path, spoil: Callable[[Path], object], says: str) -> None:
    spoil(scan)
    before = sorted(scan.parent.iterdir())
    refused("reconstruct", scan, "-o", scan.parent / "out.h5", "--json", says=says)
    assert sorted(scan.parent.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--entry", "9.1"), "no entry '9.1'; there are 1.1"),
        (("--entry", "1.1,9.1"), "no entry '9.1'; there are 1.1"),
        (("--entry", "1.1,1.1"), "1.1 is given twice"),
        (("--entry", "1.1,gone.h5::1.1"), "gone.h5: no such file"),
        (("--detector", "pilatus"), "detector 'pilatus' is unknown"),
        (("--beamline", "nowhere"), "beamline 'nowhere' is unknown"),
        (("--recipe", "secret"), "no recipe 'secret'"),
        (("--set", "colour=3"), "known are eta"),
        (("--set", "recipe.colour=3"), "unknown key(s) colour"),
        (("--set", "recipe.runs=many"), "runs"),
        (("--set", "phi"), "KEY=VALUE"),
        (("--set", "phi=left"), "not a number"),
        (("-o", "."), "is a folder"),
        (("-o", "none/out.h5"), "does not exist"),
        (("-o", "scan.h5"), "is the input itself"),
    ],
)
def test_wrong_use(scan: Path, words: tuple[str, ...], says: str) -> None:
    before = scan.read_bytes()
    place = () if "-o" in words else ("-o", "out.h5")
    refused("reconstruct", "scan.h5", *place, *words, says=says, folder=scan.parent)
    assert [p.name for p in scan.parent.iterdir()] == ["scan.h5"]
    assert scan.read_bytes() == before


def test_the_real_bliss_file_without_its_frames(tmp_path: Path) -> None:
    path = SHARED / "data" / "id01_bliss_master.h5"
    if not path.exists():
        pytest.skip("the shared data are not here (BRAGGLINE_SHARED)")
    refused("reconstruct", path, "-o", tmp_path / "out.h5", says="scan0020/mpx1x4_0000.h5, is absent")
    assert list(tmp_path.iterdir()) == []


def test_usage_errors_end_with_2_and_help_with_0() -> None:
    assert braggline("reconstruct").returncode == 2
    assert braggline("nonsense").returncode == 2
    shown = braggline("--help")
    assert shown.returncode == 0
    names = ("reconstruct", "replay", "up", "down", "status", "doctor", "check-config", "simulate", "bench")
    assert [name for name in names if name not in shown.stdout] == []


def test_help_does_not_load_the_physics() -> None:
    code = (
        "import sys, braggline_service.cli; print([m for m in ('numba', 'h5py', 'scipy', 'redis') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_replay_without_a_service(scan: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        config = scan.parent / "settings.yaml"
        config.write_text(f"redis: {{url: 'redis://127.0.0.1:{port}/0'}}\n")
        refused("replay", scan, "--config", config, says="start it with `braggline up`")
    refused("replay", scan, "--set", "recipe.runs=3", says="set it on Tango")


@pytest.mark.slow
def test_up_replay_down(scan: Path) -> None:
    here = scan.parent
    assert braggline("status", folder=here).returncode == 1
    up = braggline("up", folder=here)
    try:
        assert up.returncode == 0, up.stderr
        status = json.loads(braggline("status", "--json", folder=here).stdout)
        assert all(part["alive"] for part in status.values())
        done = braggline("replay", scan, "--json", folder=here)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert set(told) == KEYS
        assert (told["frames_expected"], told["frames_used"]) == (32, 32)
        assert told["recommendation"]["action"]
        assert Path(told["file"]).is_file()
        assert Path(told["report"]).is_file()
    finally:
        assert braggline("down", folder=here).returncode == 0
    assert braggline("down", folder=here).returncode == 0
    assert braggline("status", folder=here).returncode == 1


def test_check_config(tmp_path: Path) -> None:
    good = {
        "settings.yaml": "beamline: id01\nlive: {runs_while_measuring: 3}\n",
        "recipe.yaml": "runs: 3\nthreshold: 0.2\n",
        "empty.yaml": "",
    }
    for name, text in good.items():
        (tmp_path / name).write_text(text)
        done = braggline("check-config", tmp_path / name)
        assert done.returncode == 0, done.stderr
    bad = {
        "typo.yaml": ("beamlin: id01\n", "beamlin"),
        "section.yaml": ("live: {passes: 10}\n", "live.passes"),
        "recipe2.yaml": ("runs: 3\ntreshold: 0.2\n", "treshold"),
        "yaml.yaml": ("a: [1,\n", "not valid YAML"),
        "list.yaml": ("- 1\n", "expected keys and values"),
    }
    for name, (text, says) in bad.items():
        (tmp_path / name).write_text(text)
        refused("check-config", tmp_path / name, says=says)
    refused("check-config", tmp_path / "none.yaml", says="existing file")
    refused("check-config", says="give FILE")
    assert {"settings", "beamline", "recipe"} == set(json.loads(braggline("check-config", "--schema").stdout))


def test_a_fault_of_the_program_is_one_line_and_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import sys; from braggline_service.cli import main, check_config; from braggline_service import settings\n"
        "def broken(*_): raise ZeroDivisionError('by\\nzero')\n"
        "settings.load_yaml = broken; sys.argv = ['braggline', 'check-config', 'x.yaml']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "braggline: ZeroDivisionError: by zero (more with --debug)\n")
