"""A scan is read while a real process writes it: what is there is right, what is to come is never zeros."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_service.sources import hdf5_file
from braggline_service.sources.read import read_scan

N = 24
WRITER = """
import sys, time, h5py, hdf5plugin, numpy as np
path, kind, announced = sys.argv[1], sys.argv[2], sys.argv[3] == "announced"
N, shape = 24, (516, 516)
file = h5py.File(path, "w", libver="latest" if kind != "plain" else None, locking=True)
scan = file.create_group("1.1")
detector = scan.create_group("instrument/mpx1x4")
detector["acq_parameters/acq_nb_frames"] = N
image = detector.create_dataset(
    "image", (N if announced else 0, *shape), "u4", chunks=(1, *shape), maxshape=(None, *shape),
    **hdf5plugin.Bitshuffle(),
)
place = scan.create_group("instrument/positioners")
eta = place.create_dataset("eta", (0,), "f8", chunks=(8,), maxshape=(None,))
place["phi"], place["nu"], place["delta"], place["mononrj"] = 0.0, 0.0, 35.4, 9.0
scan["measurement/mpx1x4"] = h5py.SoftLink("/1.1/instrument/mpx1x4/image")
if kind == "swmr":
    file.swmr_mode = True
file.flush()
print("open", flush=True)
for index in range(N):
    frame = np.zeros(shape, "u4")
    frame[100:140, 100:140] = index + 1
    if not announced:
        image.resize(index + 1, 0)
    image[index] = frame
    eta.resize(index + 1, 0)
    eta[index] = 17 + 0.01 * index
    (image.flush(), eta.flush()) if kind == "swmr" else file.flush()
    time.sleep(0.15)
print("all", flush=True)
input()
file.close()
with h5py.File(path, "r+") as file:
    file["1.1/end_time"] = "2026-01-01T00:00:00"
"""


def writing(path: Path, kind: str, announced: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), kind, announced]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def check(path: Path) -> int:
    """Every measured frame has the pixels and the position of its index; gives their number."""
    curve = read_scan(path)
    for index in np.flatnonzero(curve.measured):
        assert (curve.intensity[index, 100:140, 100:140] == index + 1).all()
        assert curve.angles_deg["eta"][index] == pytest.approx(17 + 0.01 * index)
    assert any("still running" in flag for flag in curve.flags)
    return int(np.count_nonzero(curve.measured))


@pytest.mark.parametrize("announced", ["announced", ""])
@pytest.mark.parametrize("kind", ["plain", "swmr"])
def test_read_while_it_grows(tmp_path: Path, kind: str, announced: str) -> None:
    path = tmp_path / "scan.h5"
    seen: list[int] = []
    early: list[str] = []  # before the second point there is no curve
    with writing(path, kind, announced) as writer:
        assert writer.stdout.readline() == "open\n"
        deadline = time.monotonic() + 60
        while not seen or seen[-1] < N:
            assert time.monotonic() < deadline, seen
            try:
                seen.append(check(path))
            except BadInput as error:
                early += [f"{error}" if not seen else f"after {seen[-1]} frames: {error}"]
        assert seen == sorted(seen)
        assert seen[0] < N
        words = ("holds no frame", "one frame", "with a position", "are missing", "no sample circle moves")
        assert [text for text in early if text.startswith("after") or not any(word in text for word in words)] == []
        writer.communicate("\n")
    curve = read_scan(path)
    assert (curve.measured.all(), len(curve.measured), curve.flags[:1]) == (
        True, N, ("the distance is that of the configuration: the file does not tell it",)
    )  # fmt: skip


def test_a_writer_that_shares_nothing_is_said(tmp_path: Path) -> None:
    path = tmp_path / "scan.h5"
    with writing(path, "latest") as writer:
        assert writer.stdout.readline() == "open\n"
        assert writer.stdout.readline() == "all\n"
        with pytest.raises(BadInput, match="does not share it") as caught:
            read_scan(path)
        assert "\n" not in str(caught.value)
        writer.communicate("\n")
    assert read_scan(path).measured.all()


def test_frames_announced_and_not_written_are_missing_from_a_scan_that_ended(tmp_path: Path) -> None:
    path = tmp_path / "scan.h5"
    with writing(path, "plain", "announced") as writer:
        writer.communicate("\n")
    with h5py.File(path, "r+") as file:
        image = file["1.1/instrument/mpx1x4/image"]
        image.resize(N + 2, 0)
        eta = file["1.1/instrument/positioners/eta"]
        eta.resize(N + 2, 0)
        eta[N:] = 17.24, 17.25
    with pytest.raises(BadInput, match="2 of 26 frames are missing: frame 24 was not written"):
        read_scan(path)


def test_a_half_written_moment_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was cut off for good is told so; one that is whole a moment later is read."""
    path = tmp_path / "scan.h5"
    path.write_bytes(b"")
    tries = iter(range(10))

    def read(file: h5py.File) -> int:
        if (n := next(tries)) < 2:
            raise OSError("addr overflow")
        return n

    with h5py.File(path, "w"):
        pass
    assert hdf5_file.read_growing(path, read) == 2
    monkeypatch.setattr(hdf5_file, "RECENT_S", -1.0)
    tries = iter(range(10))
    with pytest.raises(BadInput, match="cannot be read to its end"):
        hdf5_file.read_growing(path, read)
