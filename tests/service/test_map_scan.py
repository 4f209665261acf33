"""Maps through real BLISS files: meshes read, crystals found, every kind of bad input in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.maps import find_crystals
from braggline_service.sources.map_scan import MapScan, read_map

SHARED = Path(os.environ.get("BRAGGLINE_SHARED", Path(__file__).parents[3] / "shared"))
FAST, SLOW = 12, 9  # points
CRYSTALS_UM = ((1.27, 2.71, 200.0, 300.0, 150.0), (1.62, 2.28, 60.0, 310.0, 171.0))  # pix, piy, counts, row, column
HOT = (100, 400)


def written(path: Path, cut: int | None = None, title: str | None = None, units: str | None = "um") -> Path:
    """`amesh piy ... pix ...` of two crystals on a whole Maxipix as Bliss saves it; `cut` after so many points."""
    rng = np.random.default_rng(0)
    piy, pix = np.tile(2.0 + 0.1 * np.arange(FAST), SLOW), np.repeat(1.0 + 0.1 * np.arange(SLOW), FAST)
    n = cut or len(piy)
    rows, columns = np.indices((516, 516), sparse=True)
    with h5py.File(path, "w") as file:
        scan = file.create_group("4.1")
        scan["title"] = title or f"amesh piy 2.0 3.1 {FAST - 1} pix 1.0 1.8 {SLOW - 1} 0.1"
        scan["start_time"] = "2026-01-01T00:00:00"
        if cut is None:
            scan["end_time"] = "2026-01-01T00:10:00"
        image = scan.create_dataset(
            "instrument/mpx1x4/image", (n, 516, 516), np.uint32, chunks=(1, 516, 516), **hdf5plugin.Bitshuffle()
        )
        for k in range(n):
            frame = np.zeros((516, 516), np.uint32)
            np.add.at(frame, tuple(rng.integers(0, 516, (2, rng.poisson(500)))), 1)  # a dim background
            for x, y, counts, row, column in CRYSTALS_UM:
                lit = counts * np.exp(-0.5 * ((pix[k] - x) ** 2 + (piy[k] - y) ** 2) / 0.1**2)
                about = np.s_[int(row) - 20 : int(row) + 21, int(column) - 20 : int(column) + 21]
                peak = np.exp(-0.5 * ((rows - row) ** 2 + (columns - column) ** 2)[about] / 9)
                frame[about] += rng.poisson(lit * peak).astype(np.uint32)
            frame[HOT] = 5000
            frame[255:261] = 0
            frame[:, 255:261] = 0
            image[k] = frame
        scan["measurement/mpx1x4"] = h5py.SoftLink("/4.1/instrument/mpx1x4/image")
        for name, values in (("pix", pix), ("piy", piy)):
            dataset = scan.create_dataset(f"instrument/positioners/{name}", data=values[:n])
            if units:
                dataset.attrs["units"] = units
            scan[f"measurement/{name}"] = h5py.SoftLink(dataset.name)
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("map") / "map.h5")


@pytest.fixture(scope="module")
def scan(path: Path) -> MapScan:
    return read_map(path)


def test_a_mesh_is_read_in_the_order_of_its_title(scan: MapScan) -> None:
    assert scan.map.axes == ("piy", "pix")
    assert scan.map.step_m == pytest.approx((1e-7, 1e-7))
    assert scan.map.positions_m[-1] == pytest.approx((3.1e-6, 1.8e-6))
    assert scan.map.measured.all()
    assert scan.map.flags == ()


def test_hot_pixels_and_gaps_are_masked_and_the_roi_is_where_anything_scatters(scan: MapScan) -> None:
    assert scan.mask[HOT]
    assert scan.mask[255:261].all()
    assert np.count_nonzero(scan.mask) == 6 * 516 * 2 - 36 + 1
    first_row, after_row, first_column, after_column = scan.map.roi_px or (0, 0, 0, 0)
    assert 265 < first_row < 295 < 315 < after_row < 345
    assert 115 < first_column < 145 < 176 < after_column < 210


def test_the_crystals_of_a_file_are_found(scan: MapScan) -> None:
    found = find_crystals(scan.map)
    assert len(found) == 2
    for candidate, (x, y, _, row, column) in zip(found, CRYSTALS_UM, strict=True):
        assert candidate.position_m == pytest.approx((1e-6 * y, 1e-6 * x), abs=1e-8)
        assert candidate.peak_px == pytest.approx((row, column), abs=0.3)
        assert candidate.whole
    frame = scan.frames([found[0].point])[0]
    assert frame[290:311, 140:161].sum() > 0.9 * scan.map.counts[found[0].point]


def test_a_map_that_was_cut_off_shows_what_there_is(tmp_path: Path) -> None:
    scan = read_map(written(tmp_path / "cut.h5", cut=6 * FAST + 3))
    assert len(scan.map.measured) == 6 * FAST + 3
    assert f"of {FAST * SLOW} points" in scan.map.flags[-1]
    assert len(find_crystals(scan.map)) == 2


def test_a_map_without_units_or_a_title_that_tells_is_flagged_and_read(tmp_path: Path) -> None:
    scan = read_map(written(tmp_path / "plain.h5", title="a map", units=None))
    assert scan.map.axes == ("pix", "piy")
    assert scan.map.step_m == pytest.approx((1e-7, 1e-7), rel=1e-6)
    assert "no unit" in scan.map.flags[0]


def refused(path: Path, *words: str, **choices: object) -> None:
    with pytest.raises(BadInput) as error:
        read_map(path, **choices)  # type: ignore[arg-type]
    text = str(error.value)
    assert "\n" not in text
    assert [word for word in words if word not in text] == [], text


def test_bad_input_is_one_line(path: Path, tmp_path: Path) -> None:
    refused(path, "no positions of 'thx'", axes=("thx", "piy"))
    refused(path, "leaves the frame", roi=(0, 600, 0, 10))
    degrees = written(tmp_path / "degrees.h5", cut=20, units="deg")
    refused(degrees, "'deg' is no length")
    with h5py.File(written(tmp_path / "short.h5"), "r+") as file:
        del file["4.1/instrument/positioners/pix"]
        file["4.1/instrument/positioners/pix"] = np.arange(9.0)
    refused(tmp_path / "short.h5", "9 of pix")


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the shared test data is absent")
def test_a_real_file_without_a_map_says_so() -> None:
    master = SHARED / "data" / "id01_bliss_master.h5"
    refused(master, "no map", "--axes")
    refused(master, "no positions of 'pix' for each point", entry="20.1", axes=("pix", "piy"))


def test_the_command_prints_numbered_crystals_and_a_picture(path: Path, tmp_path: Path) -> None:
    picture = tmp_path / "map.png"
    command = [sys.executable, "-m", "braggline_service.cli", "map", str(path), "-o", str(picture)]
    told = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    values = json.loads(told.stdout)
    assert [c["number"] for c in values["crystals"]] == [1, 2]
    assert values["points_measured"] == FAST * SLOW
    assert picture.read_bytes()[:4] == b"\x89PNG"
    plain = subprocess.run(command[:-2], capture_output=True, text=True, check=True)
    assert "2 crystals in 108 points" in plain.stdout
    wrong = subprocess.run([*command[:-2], "--axes", "pix"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1
