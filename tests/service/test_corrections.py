"""Mask, flat field, dark, dead time, monitor and attenuator: from files to the record, by both doors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import fabio.edfimage
import h5py
import numpy as np
import pytest
import yaml
from redis import Redis

from braggline_models.errors import BadInput
from braggline_models.preprocess import prepare
from braggline_models.scan import RockingCurve
from braggline_models.simulate import simulate_curve
from braggline_service.beamlines import load_beamline
from braggline_service.ingest import replay_curve
from braggline_service.settings import config_dir, load_settings
from braggline_service.sources.read import read_scan
from braggline_service.sources.write import write_bliss_nexus
from braggline_service.stages.growing import GrowingCurve
from braggline_service.streams import FrameReader

N, SIDE = 32, 516
QUICK = ("--recipe", "fast", "--runs", "2", "--set", "recipe.largest_px=48", "--threads", "1")
BRAGG_DEG = {"eta": 17.7, "phi": 0.0, "nu": 0.0, "delta": 35.4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A beamline with everything, its images, and a scan measured there."""
    folder = tmp_path_factory.mktemp("corrected")
    rng = np.random.default_rng(0)
    images = {
        "flat.npy": rng.normal(1.0, 0.05, (SIDE, SIDE)),
        "dark.npy": np.full((SIDE, SIDE), 0.5),
        "mask.npy": np.zeros((SIDE, SIDE), bool),
        "small.npy": np.ones((SIDE, SIDE - 1)),
    }
    images["mask.npy"][40, 50] = True
    for name, image in images.items():
        np.save(folder / name, image)
    fabio.edfimage.EdfImage(data=images["flat.npy"].astype(np.float32)).write(str(folder / "flat.edf"))
    with h5py.File(folder / "images.h5", "w") as file:
        file["a/flat"], file["b"], file["c"] = images["flat.npy"], images["mask.npy"], images["mask.npy"]
    (folder / "text.npy").write_text("no image")
    config = yaml.safe_load((config_dir() / "beamlines" / "id01.yaml").read_text())
    config["attenuator"] = "atn"
    detector = config["detectors"]["maxipix"]
    detector |= {name: str(folder / f"{name[:-5]}.npy") for name in ("mask_file", "flat_file", "dark_file")}
    detector["dead_time_s"] = 1e-7
    (folder / "line.yaml").write_text(yaml.safe_dump(config))
    write_bliss_nexus(folder / "scan.h5", measured(str(folder / "line.yaml")))
    return folder


def measured(beamline: str) -> RockingCurve:
    line = load_beamline(beamline)
    detector, mask = line.detector("mpx1x4")
    curve, _ = simulate_curve(
        line.diffractometer, detector, mask, BRAGG_DEG, "eta", 0.02, N, 9000.0, 150e-9, 2.0, 1e6, 0, window_px=96
    )  # fmt: skip
    transmission = np.where(np.abs(np.arange(N) - N // 2) < 4, 0.2, 1.0)
    monitor = 1e5 * (1 + 0.3 * np.sin(np.arange(N) / 5))
    monitor[5] = 0.0
    line = replace(line.diffractometer, name=beamline)  # the writer looks the attenuator up there
    return replace(curve, transmission=transmission, monitor=monitor, diffractometer=line)


def test_a_beamline_with_everything(folder: Path) -> None:
    curve = read_scan(folder / "scan.h5", beamline=str(folder / "line.yaml"))
    flat = np.load(folder / "flat.npy")
    assert curve.corrections.flat is not None
    assert curve.corrections.dark is not None
    assert curve.transmission is not None
    assert curve.monitor is not None
    np.testing.assert_array_equal(curve.corrections.flat, flat)
    assert (curve.corrections.dark.mean(), curve.corrections.dead_time_s, curve.monitor[5]) == (0.5, 1e-7, 0.0)
    assert (curve.transmission.min(), curve.transmission.max()) == (0.2, 1.0)
    assert curve.mask[40, 50]
    names = [step.name.split(":")[0] for step in prepare(curve).cleaning]
    assert [name for name in ("monitor", "attenuator", "dead time", "dark", "flat field") if name not in names] == []


def test_images_are_cut_to_the_window_of_the_frames(folder: Path, tmp_path: Path) -> None:
    with h5py.File(folder / "scan.h5") as whole, h5py.File(tmp_path / "part.h5", "w") as part:
        whole.copy("1.1", part)
        frames = part["1.1/instrument/mpx1x4/image"][:, 80:180, 70:190]
        del part["1.1/instrument/mpx1x4/image"]
        part["1.1/instrument/mpx1x4/image"] = frames
    window: dict[str, float | str] = {"roi_row_px": 80, "roi_column_px": 70}
    curve = read_scan(tmp_path / "part.h5", beamline=str(folder / "line.yaml"), overrides=window)
    assert curve.corrections.flat is not None
    np.testing.assert_array_equal(curve.corrections.flat, np.load(folder / "flat.npy")[80:180, 70:190])


@pytest.mark.parametrize("name", ["flat.npy", "flat.edf", "images.h5::a/flat"])
def test_every_kind_of_image_file(folder: Path, name: str) -> None:
    curve = read_scan(folder / "scan.h5", overrides={"flat_file": str(folder / name)})
    assert curve.corrections.flat is not None
    np.testing.assert_allclose(curve.corrections.flat, np.load(folder / "flat.npy"), rtol=1e-6)


def test_both_doors_give_the_same_volume(folder: Path, redis_server) -> None:
    """Read from the file, and frame by frame through Redis: the same bits to phase, the same record."""
    line = load_beamline(str(folder / "line.yaml"))
    curve = read_scan(folder / "scan.h5", beamline=str(folder / "line.yaml"))
    curve = replace(curve, diffractometer=replace(curve.diffractometer, name=str(folder / "line.yaml")))
    with Redis.from_url(redis_server.url) as redis:
        key = replay_curve(redis, load_settings(overrides={"redis.url": redis_server.url}), curve)
        reader = FrameReader(redis, key)
        growing = GrowingCurve(reader.header(), line)
        while not reader.drained:
            for frame in reader.read(0.2):
                growing.add(frame)
    live, offline = prepare(growing.curve()), prepare(curve)
    np.testing.assert_array_equal(live.intensity, offline.intensity)
    np.testing.assert_array_equal(live.mask, offline.mask)
    assert live.cleaning == offline.cleaning
    assert live.mask[5].all()
    told = growing.rocking_curve()["rocking_curve"]
    assert np.isnan(told[5])
    assert told[N // 2] == np.nanmax(told)


def test_a_transmission_in_per_cent_is_refused(folder: Path, tmp_path: Path) -> None:
    scan = tmp_path / "scan.h5"
    scan.write_bytes((folder / "scan.h5").read_bytes())
    with h5py.File(scan, "r+") as file:
        file["1.1/measurement/atn"][...] = 50.0
    with pytest.raises(BadInput, match="from 50 to 50; give a counter of 0 to 1"):
        prepare(read_scan(scan, beamline=str(folder / "line.yaml")))


# ---- by the command
def braggline(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "braggline_service.cli", *map(str, words)]
    environment = {key: value for key, value in os.environ.items() if key != "BRAGGLINE_SETTINGS"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


def test_the_record_is_in_file_report_and_json(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.h5"
    done = braggline("reconstruct", folder / "scan.h5", "--beamline", folder / "line.yaml", "-o", out, "--json", *QUICK)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["frames_expected"], told["frames_used"]) == (N, N - 1)
    with h5py.File(out) as file:
        record = json.loads(file["entry_1/process/cleaning"].asstr()[()])
        assert file["entry_1/rocking_curve/monitor"].shape == (N,)
    assert record == told["cleaning"]
    page = (tmp_path / "out.html").read_text()
    for text in (
        "monitor: frames divided by it",
        "attenuator: frames divided",
        "dead time: ",
        "dark: ",
        "flat field: ",
    ):
        assert any(step["name"].startswith(text) for step in record), text
        assert text in page
    assert any("scaled by up to" in flag for flag in told["flags"])


def test_what_cannot_be_used_is_one_line(folder: Path, tmp_path: Path) -> None:
    for given, says in (
        ("mask_file={}/small.npy", "mask {}/small.npy: is float64 (516, 515), the detector is (516, 516)"),
        ("dead_time_s=-1", "must not be below 0"),
    ):
        done = braggline("reconstruct", folder / "scan.h5", "-o", tmp_path / "out.h5", "--set", given.format(folder))
        lines = done.stderr.strip().splitlines()
        assert (done.returncode, done.stdout, len(lines)) == (2, "", 1), done.stderr
        assert says.format(folder) in lines[0]
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "place", "says"),
    [
        ("flat_file", "small.npy", r"flat field .*small.npy: is float64 \(516, 515\)"),
        ("dark_file", "none.npy", "dark .*none.npy: no such file"),
        ("flat_file", "text.npy", "text.npy: cannot be read"),
        ("flat_file", "scan.h5::1.1/title", r"the detector is \(516, 516\)"),
        ("flat_file", "images.h5::d", "cannot be read"),
        ("mask_file", "images.h5", "holds 2 arrays; write"),
    ],
)
def test_images_that_cannot_be_used(folder: Path, key: str, place: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        read_scan(folder / "scan.h5", overrides={key: str(folder / place)})
    assert "\n" not in str(caught.value)


def test_replay_leaves_the_detector_to_the_service(folder: Path) -> None:
    done = braggline("replay", folder / "scan.h5", "--set", f"flat_file={folder}/flat.npy")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
    assert "set it in the beamline's file" in done.stderr
