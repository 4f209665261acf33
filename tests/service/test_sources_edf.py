"""Frames that Lima saved as EDF, written here by fabio: found, read and, where they are not whole, never made up."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from fabio.edfimage import EdfImage

from braggline_models.errors import BadInput
from braggline_models.simulate import simulate_curve
from braggline_service.beamlines import load_beamline
from braggline_service.sources.read import read_scan
from braggline_service.sources.write import write_bliss_nexus

N = 32
GROUP = "1.1/instrument/mpx1x4"
BRAGG_DEG = {"eta": 17.7, "phi": 0.0, "nu": 0.0, "delta": 35.4}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    line = load_beamline("id01")
    detector, mask = line.detector("mpx1x4")
    curve, _ = simulate_curve(
        line.diffractometer, detector, mask, BRAGG_DEG, "eta", 0.02, N, 9000.0, 150e-9, 2.0, 1e6, 0, window_px=96
    )  # fmt: skip
    return write_bliss_nexus(tmp_path_factory.mktemp("edf") / "scan.h5", curve)


@pytest.fixture
def scan(simulated: Path, tmp_path: Path) -> Path:
    path = tmp_path / "scan.h5"
    path.write_bytes(simulated.read_bytes())
    return path


@pytest.fixture
def frames(simulated: Path) -> np.ndarray:
    return read_scan(simulated).intensity


def edf(path: Path, frames: np.ndarray) -> Path:
    """One file of these frames, by fabio."""
    path.parent.mkdir(exist_ok=True)
    image = EdfImage(data=frames[0])
    for frame in frames[1:]:
        image.append_frame(data=frame)
    image.write(str(path))
    return path


def saved(scan: Path, frames: np.ndarray, per_file: int) -> list[tuple[Path, int]]:
    """Lima's files in scan0001, per_file frames in each; file and index of each frame. The image goes from the scan."""
    places = []
    for number, first in enumerate(range(0, len(frames), per_file)):
        path = edf(scan.parent / "scan0001" / f"mpx1x4_{number:04d}.edf", frames[first : first + per_file])
        places += [(path, index) for index in range(len(frames[first : first + per_file]))]
    with h5py.File(scan, "r+") as file:
        del file[f"{GROUP}/image"]
        del file["1.1/measurement/mpx1x4"]
    return places


def listed(scan: Path, places: list[tuple[Path, int]]) -> None:
    """As blisswriter does by default: a list of strings, relative to the file, and no link in measurement."""
    with h5py.File(scan, "r+") as file:
        file[f"{GROUP}/image"] = [f"{path.relative_to(scan.parent)}::{index}" for path, index in places]


def linked(scan: Path, places: list[tuple[Path, int]], like: np.ndarray) -> None:
    """As blisswriter does with enable_external_nonhdf5: external storage with absolute names."""
    starts = {path: [frame.start for frame in EdfImage.lazy_iterator(str(path))] for path, _ in places}
    pieces = [(str(path), starts[path][index], like[0].nbytes) for path, index in places]
    with h5py.File(scan, "r+") as file:
        file.create_dataset(f"{GROUP}/image", like.shape, like.dtype, external=pieces)
        file["1.1/measurement/mpx1x4"] = h5py.SoftLink(f"/{GROUP}/image")


def refused(scan: Path, *words: str) -> None:
    with pytest.raises(BadInput) as error:
        read_scan(scan)
    text = str(error.value)
    assert "\n" not in text
    assert [word for word in words if word not in text] == [], text


@pytest.mark.parametrize("per_file", [1, 10, N])
@pytest.mark.parametrize("told", ["list", "link", "folder"])
def test_every_way_that_bliss_tells_them(scan: Path, frames: np.ndarray, per_file: int, told: str) -> None:
    places = saved(scan, frames, per_file)
    if told == "list":
        listed(scan, places)
    elif told == "link":
        linked(scan, places, frames)
    curve = read_scan(scan)
    np.testing.assert_array_equal(curve.intensity, frames)
    assert (curve.detector.name, curve.measured.all(), curve.flags) == ("maxipix", True, ())


def test_copied_elsewhere_with_its_folder(scan: Path, frames: np.ndarray, tmp_path: Path) -> None:
    """External storage holds absolute names; the files beside the copy are meant."""
    linked(scan, saved(scan, frames, 10), frames)
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("scan.h5", "scan0001"):
        (tmp_path / name).rename(moved / name)
    np.testing.assert_array_equal(read_scan(moved / "scan.h5").intensity, frames)


def test_packed_files_and_another_byte_order(scan: Path, frames: np.ndarray) -> None:
    places = saved(scan, frames, N)
    (path, _), packed = places[0], scan.parent / "scan0001" / "mpx1x4_0000.edf.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    listed(scan, [(packed, index) for _, index in places])
    np.testing.assert_array_equal(read_scan(scan).intensity, frames)
    header = b"{\nHeaderID = EH:000001:000000:000000 ;\nByteOrder = HighByteFirst ;\nDataType = UnsignedInteger ;\n"
    header += b"Dim_1 = 516 ;\nDim_2 = 516 ;\nSize = 1065024 ;\n"
    with packed.with_suffix("").open("wb") as file:
        for frame in frames:
            file.write(header.ljust(510) + b"}\n" + frame.astype(">u4").tobytes())
    with h5py.File(scan, "r+") as file:
        del file[f"{GROUP}/image"]
    listed(scan, places)
    np.testing.assert_array_equal(read_scan(scan).intensity, frames)


@pytest.mark.parametrize("told", ["list", "link"])
def test_frames_that_are_not_there_are_never_zeros(scan: Path, frames: np.ndarray, told: str) -> None:
    places = saved(scan, frames, 8)
    if told == "list":
        listed(scan, places)
    else:
        linked(scan, places, frames)
    last = places[-1][0]
    whole = last.read_bytes()
    last.write_bytes(whole[:-100])
    refused(scan, "1 of 32 frames are missing", "mpx1x4_0003.edf")
    last.write_bytes(b"")
    refused(scan, "8 of 32 frames are missing", "mpx1x4_0003.edf")
    last.unlink()
    refused(scan, "8 of 32 frames are missing", "mpx1x4_0003.edf", "absent")
    with h5py.File(scan, "r+") as file:
        del file["1.1/end_time"]
    curve = read_scan(scan)
    assert np.flatnonzero(~curve.measured).tolist() == list(range(24, 32))
    np.testing.assert_array_equal(curve.intensity[:24], frames[:24])
    for path, _ in places:
        path.unlink(missing_ok=True)
    refused(scan, "mpx1x4_0000.edf", "absent", "copy it there")


def test_frames_of_two_shapes(scan: Path, frames: np.ndarray) -> None:
    places = saved(scan, frames, 1)
    edf(places[3][0], frames[:1, :100])
    listed(scan, places)
    refused(scan, "mpx1x4_0003.edf", "(100, 516)")


def test_reconstructed_by_the_command(scan: Path, frames: np.ndarray) -> None:
    listed(scan, saved(scan, frames, 10))
    words = ("--json", "--recipe", "fast", "--runs", "2", "--set", "recipe.largest_px=48", "--threads", "1")
    command = [sys.executable, "-m", "braggline_service.cli", "reconstruct", str(scan), "-o", str(scan.parent / "o.h5")]
    environment = {key: value for key, value in os.environ.items() if key != "BRAGGLINE_SETTINGS"}
    done = subprocess.run([*command, *words], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames_used"] == N
