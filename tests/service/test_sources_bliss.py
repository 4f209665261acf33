"""Scans of BLISS files: read back as they were, and every kind of bad input in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.scan import RockingCurve
from braggline_service.beamlines import load_beamline
from braggline_service.sources.read import read_scan
from braggline_service.sources.write import write_bliss_nexus

N = 9
IMAGE = "1.1/instrument/mpx1x4/image"
POSITIONERS = "1.1/instrument/positioners"
SHARED = Path(os.environ.get("BRAGGLINE_SHARED", Path(__file__).parents[3] / "shared"))


@pytest.fixture(scope="module")
def curve() -> RockingCurve:
    """A peak on a whole Maxipix, brightest in the middle frame."""
    line = load_beamline("id01")
    detector, mask = line.detector("mpx1x4")
    detector = replace(detector, distance_m=0.71, beam_center_px=(200.5, 190.25))
    rows, columns = np.indices(detector.shape_px)
    peak = np.exp(-((rows - 200) ** 2 + (columns - 190) ** 2) / 200.0)
    bell = 50 + 1000 * np.exp(-((np.arange(N) - N // 2) ** 2) / 4.0)
    intensity = (bell[:, None, None] * peak).astype(np.int32)
    intensity[:, mask] = 0
    angles = {"eta": np.linspace(17.6, 17.8, N), "phi": np.zeros(N), "nu": np.zeros(N), "delta": np.full(N, 35.4)}
    return RockingCurve(
        "scan_1.1", intensity, mask, np.ones(N, bool), angles, 9000.0, detector, line.diffractometer, 0.5,
        np.linspace(1e5, 2e5, N),
    )  # fmt: skip


@pytest.fixture
def scan(curve: RockingCurve, tmp_path: Path) -> Path:
    return write_bliss_nexus(tmp_path / "scan.h5", curve)


def edited(path: Path, change: Callable[[h5py.File], object]) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def replaced(path: Path, dataset: str, data: object) -> Path:
    def change(file: h5py.File) -> None:
        del file[dataset]
        file[dataset] = data

    return edited(path, change)


def refused(path: Path, *words: str, **choices: object) -> None:
    with pytest.raises(BadInput) as error:
        read_scan(path, **choices)  # type: ignore[arg-type]
    text = str(error.value)
    assert "\n" not in text
    assert [word for word in words if word not in text] == [], text


def test_gives_back_what_was_written(scan: Path, curve: RockingCurve) -> None:
    back = read_scan(scan)
    np.testing.assert_array_equal(back.intensity, curve.intensity)
    np.testing.assert_array_equal(back.mask, curve.mask)
    np.testing.assert_array_equal(back.monitor, curve.monitor)
    assert {name: list(values) for name, values in back.angles_deg.items()} == {
        name: list(values) for name, values in curve.angles_deg.items()
    }
    assert (back.energy_eV, back.detector, back.exposure_s, back.flags) == (9000.0, curve.detector, 0.5, ())
    assert (back.name, back.scanned_circle, back.measured.all()) == ("scan_1.1", "eta", True)


def test_the_callers_values_stand_above_the_files(scan: Path) -> None:
    given = {"phi": 3.0, "energy_eV": 8000.0, "distance_m": 1.5, "beam_center_row_px": 7.0, "exposure_s": 2.0}
    back = read_scan(scan, overrides=given)
    assert (back.energy_eV, back.exposure_s, back.angles_deg["phi"][3]) == (8000.0, 2.0, 3.0)
    assert (back.detector.distance_m, back.detector.beam_center_px) == (1.5, (7.0, 190.25))
    refused(scan, "--set rubbish", "phi", "recipe.KEY", overrides={"rubbish": 1.0})
    refused(scan, "--set eta", "moves", overrides={"eta": 1.0})
    refused(scan, "not a finite", overrides={"phi": float("nan")})
    refused(scan, "above 0", overrides={"energy_eV": -1.0})


# ---- which scan, which detector
def test_finds_the_only_rocking_scan_among_others(scan: Path) -> None:
    def add(file: h5py.File) -> None:
        file.copy("1.1", "2.1")
        del file["2.1/instrument/positioners/eta"]
        file["2.1/instrument/positioners/eta"] = 17.7
        del file["2.1/measurement/eta"]
        file.create_group("3.1/measurement")

    edited(scan, add)
    assert read_scan(scan).name == "scan_1.1"
    refused(scan, "no sample circle moves", entry="2.1")
    edited(scan, lambda file: file.copy("1.1", "4.1"))
    refused(scan, "2 rocking scans", "1.1, 4.1", "--entry")
    assert read_scan(scan, entry="4").name == "scan_4.1"
    refused(scan, "no entry '7'", "4.1", entry="7")


def test_finds_the_detector_by_name_or_alias(scan: Path) -> None:
    assert read_scan(scan, detector="maxipix").detector.name == "maxipix"
    refused(scan, "no detector 'eiger2M'", "mpx1x4", detector="eiger2M")
    refused(scan, "'pilatus' is unknown", detector="pilatus")

    def second(file: h5py.File) -> None:
        file.copy("1.1/instrument/mpx1x4", "1.1/instrument/mpxgaas")
        file["1.1/measurement/mpxgaas"] = h5py.SoftLink("/1.1/instrument/mpxgaas/image")

    edited(scan, second)
    refused(scan, "2 image detectors", "mpx1x4, mpxgaas")
    assert read_scan(scan, detector="mpxgaas").intensity.shape[0] == N


def test_a_detector_that_no_configuration_knows(scan: Path) -> None:
    def change(file: h5py.File) -> None:
        file["1.1/instrument"].move("mpx1x4", "merlin")
        del file["1.1/measurement/mpx1x4"]
        file["1.1/measurement/merlin"] = file["1.1/instrument/merlin/image"]

    refused(edited(scan, change), "'merlin' is unknown", "maxipix")


def test_no_detector_at_all(scan: Path) -> None:
    edited(scan, lambda file: file["1.1/measurement"].pop("mpx1x4"))
    refused(scan, "no image detector", "1.1")


# ---- files that are not whole
def test_missing_foreign_empty_and_truncated_files(scan: Path, tmp_path: Path) -> None:
    refused(tmp_path / "none.h5", "no such file")
    refused(tmp_path, "folder")
    (tmp_path / "text.h5").write_text("scan 1\n" * 100)
    refused(tmp_path / "text.h5", "not an HDF5 file")
    (tmp_path / "empty.h5").write_bytes(b"")
    refused(tmp_path / "empty.h5", "empty")
    whole = scan.read_bytes()
    (tmp_path / "half.h5").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "half.h5", "truncated")


def test_a_broken_chunk_inside_an_intact_file(scan: Path) -> None:
    with h5py.File(scan) as file:
        chunk = file[IMAGE].id.get_chunk_info(4)
    with scan.open("r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(b"\xff" * chunk.size)
    refused(scan, "cannot be read to its end")


def test_a_file_that_another_program_writes_is_read_without_a_lock(scan: Path) -> None:
    code = "import h5py, sys; f = h5py.File(sys.argv[1], 'r+', locking=True); print('open', flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code, str(scan)], **pipes) as writer:
        assert writer.stdout.readline() == "open\n"
        assert len(read_scan(scan).intensity) == N
        writer.communicate("\n")


# ---- frames that are elsewhere
def virtual(scan: Path, shape: tuple[int, ...], sources: list[tuple[str, int, int]]) -> Path:
    """The image as a virtual dataset of (file, first frame, frames)."""

    def change(file: h5py.File) -> None:
        layout = h5py.VirtualLayout(shape, "i4")
        for name, first, count in sources:
            layout[first : first + count] = h5py.VirtualSource(name, "/entry/data", (count, *shape[1:]))
        del file[IMAGE]
        file.create_virtual_dataset(IMAGE, layout)

    return edited(scan, change)


def lima(path: Path, frames: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        file["entry/data"] = frames


def test_virtual_frames_whose_files_are_there(scan: Path, curve: RockingCurve) -> None:
    lima(scan.parent / "scan0001/a.h5", curve.intensity[:5])
    lima(scan.parent / "scan0001/b.h5", curve.intensity[5:])
    virtual(scan, curve.intensity.shape, [("scan0001/a.h5", 0, 5), ("scan0001/b.h5", 5, 4)])
    np.testing.assert_array_equal(read_scan(scan).intensity, curve.intensity)


def test_virtual_frames_never_come_as_zeros(scan: Path, curve: RockingCurve) -> None:
    virtual(scan, curve.intensity.shape, [("scan0001/a.h5", 0, 5), ("scan0001/b.h5", 5, 4)])
    refused(scan, "its frames are missing", "scan0001/a.h5", "absent")
    lima(scan.parent / "scan0001/a.h5", curve.intensity[:5])
    refused(scan, "4 of 9 frames are missing", "scan0001/b.h5")
    lima(scan.parent / "scan0001/b.h5", curve.intensity[5:7])
    refused(scan, "2 of 9 frames are missing", "b.h5", "2 frames")
    (scan.parent / "scan0001/b.h5").write_bytes((scan.parent / "scan0001/a.h5").read_bytes()[:3000])
    refused(scan, "b.h5", "truncated or half written")


def test_frames_that_nothing_was_mapped_to(scan: Path, curve: RockingCurve) -> None:
    lima(scan.parent / "a.h5", curve.intensity[:5])
    virtual(scan, curve.intensity.shape, [("a.h5", 0, 5)])
    refused(scan, "4 of 9 frames are missing", "frame 5")


def test_a_link_to_a_file_that_is_absent(scan: Path) -> None:
    def change(file: h5py.File) -> None:
        del file[IMAGE]
        file[IMAGE] = h5py.ExternalLink("scan0001/gone.h5", "/entry/data")

    refused(edited(scan, change), "scan0001/gone.h5", "absent")


def test_a_scan_killed_before_its_first_frame(scan: Path) -> None:
    edited(scan, lambda file: file["1.1/instrument/mpx1x4"].pop("image"))
    refused(scan, "1.1/measurement/mpx1x4", "no frame was saved")


def test_the_real_file_whose_frames_are_absent() -> None:
    path = SHARED / "data" / "id01_bliss_master.h5"
    if not path.exists():
        pytest.skip("the shared data are not here (BRAGGLINE_SHARED)")
    refused(path, "20.1/measurement/mpx1x4", "scan0020/mpx1x4_0000.h5", "absent")


# ---- scans that did not end
def test_an_aborted_scan_gives_what_was_measured(scan: Path, curve: RockingCurve) -> None:
    replaced(scan, "1.1/end_reason", "USER_ABORT")
    replaced(scan, IMAGE, curve.intensity[:6])
    back = read_scan(scan)
    assert (len(back.intensity), len(back.angles_deg["eta"])) == (6, 6)
    assert "aborted" in back.flags[0]
    assert "6 of 9 frames" in back.flags[0]


def test_a_scan_that_is_still_running(scan: Path, curve: RockingCurve) -> None:
    edited(scan, lambda file: file["1.1"].pop("end_time"))
    lima(scan.parent / "a.h5", curve.intensity[:5])
    virtual(scan, curve.intensity.shape, [("a.h5", 0, 5), ("b.h5", 5, 4)])
    back = read_scan(scan)
    assert list(np.flatnonzero(back.measured)) == [0, 1, 2, 3, 4]
    assert any("still running" in flag for flag in back.flags)
    assert any("4 of 9 frames are not in the file" in flag for flag in back.flags)


# ---- positions and energy
def test_positions_of_the_wrong_length_missing_or_nan(scan: Path) -> None:
    eta = np.linspace(17.6, 17.8, N)
    replaced(scan, f"{POSITIONERS}/eta", eta[:-2])
    refused(scan, "eta", "7 positions for 9 frames")
    replaced(scan, f"{POSITIONERS}/eta", np.where(np.arange(N) == 3, np.nan, eta))
    refused(scan, "'eta' is not a number at frame 3")
    replaced(scan, f"{POSITIONERS}/eta", eta)
    edited(scan, lambda file: file[POSITIONERS].pop("phi"))
    refused(scan, "positioners", "no 'phi'", "--set phi=DEG")
    assert read_scan(scan, overrides={"phi": 1.0}).angles_deg["phi"][0] == 1.0


def test_uneven_steps_are_flagged(scan: Path) -> None:
    replaced(scan, f"{POSITIONERS}/eta", np.linspace(0, 1, N) ** 3)
    assert "uneven steps of 'eta'" in read_scan(scan).flags[0]


def test_energy_in_the_wrong_unit_or_absent(scan: Path) -> None:
    replaced(scan, f"{POSITIONERS}/mononrj", 9000.0)
    refused(scan, "no X-ray energy", "--set energy_eV")
    edited(scan, lambda file: file[POSITIONERS].pop("mononrj"))
    refused(scan, "no energy", "--set energy_eV=EV")
    assert read_scan(scan, overrides={"energy_eV": 9e3}).energy_eV == 9e3


def test_a_dead_monitor_is_not_used(scan: Path) -> None:
    replaced(scan, "1.1/measurement/mon2", np.zeros(N))
    back = read_scan(scan)
    assert back.monitor is None
    assert "mon2" in back.flags[0]


# ---- counts
def test_one_frame_none_and_all_zeros(scan: Path, curve: RockingCurve) -> None:
    replaced(scan, IMAGE, np.zeros_like(curve.intensity))
    refused(scan, "1.1/measurement/mpx1x4", "every frame is empty")
    replaced(scan, IMAGE, curve.intensity[:1])
    refused(scan, "one frame only")
    replaced(scan, IMAGE, curve.intensity[:0])
    refused(scan, "no frame")


def test_nan_and_negative_counts(scan: Path, curve: RockingCurve) -> None:
    frames = curve.intensity.astype(np.float32)
    frames[2, 10:20, 10:20] = np.nan
    frames[3, 50, 60] = -4
    back = read_scan(replaced(scan, IMAGE, frames))
    assert np.isfinite(back.intensity).all()
    assert back.intensity.min() == 0
    assert back.mask[10:20, 10:20].all()
    assert back.mask[50, 60]
    assert np.count_nonzero(back.mask & ~curve.mask) == 101
    assert "101 pixel(s) are NaN or negative" in back.flags[0]
    frames[2, 100:200] = np.nan
    refused(replaced(scan, IMAGE, frames), "of the pixels are NaN or negative", "1%")
    refused(replaced(scan, IMAGE, np.full_like(frames, np.nan)), "every frame is NaN")


def test_a_whole_bad_or_empty_frame_is_left_out(scan: Path, curve: RockingCurve) -> None:
    frames = curve.intensity.astype(np.float32)
    frames[2], frames[5] = np.nan, 0
    back = read_scan(replaced(scan, IMAGE, frames))
    assert list(np.flatnonzero(~back.measured)) == [2, 5]
    assert not back.mask[200, 190]
    assert ["frame(s) 2" in back.flags[0], "frame(s) 5 are empty" in back.flags[1]] == [True, True]


def test_saturated_counts_are_flagged(scan: Path) -> None:
    replaced(scan, "1.1/instrument/mpx1x4/saturation_value", 900)
    back = read_scan(scan)
    assert back.detector.saturation_counts == 900
    assert "saturated" in back.flags[0]


def test_frames_that_do_not_fit_the_detector(scan: Path, curve: RockingCurve) -> None:
    replaced(scan, IMAGE, curve.intensity[:, 100:300, 120:310])
    refused(scan, "200x190", "516x516", "roi_row_px")
    back = read_scan(scan, overrides={"roi_row_px": 100, "roi_column_px": 120})
    assert back.detector.beam_center_px == (100.5, 70.25)
    np.testing.assert_array_equal(back.mask, curve.mask[100:300, 120:310])
    refused(scan, "leave detector", overrides={"roi_row_px": 400})
    replaced(scan, IMAGE, curve.intensity[0])
    refused(scan, "1.1")
