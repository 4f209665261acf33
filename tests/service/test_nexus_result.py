"""The result file: fixed paths, back as it was, a default plot that opens, whole or not at all."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.results import (
    DefectReport,
    Provenance,
)
from braggline_service.nexus import ScanResult, read_result, result_path, write_result
from braggline_service.settings import load_settings

PATHS = {
    "detector_frame": "object support",
    "sample_frame": "amplitude phase displacement strain strain_uncertainty d_spacing support",
    "quality": "free_llk llk prtf resolution_m mode_weight runs_kept runs_total frames_expected frames_used "
    "frames_missing flags",
    "defects/lines/000": "position_m",
    "process": "program version recipe seed input",
}


def same(a: Any, b: Any) -> bool:
    if is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, float) and np.isnan(a):
        return bool(np.isnan(b))
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def test_paths_units_and_attributes_of_the_contract(scan_result: ScanResult, tmp_path: Path) -> None:
    with h5py.File(write_result(tmp_path / "out.h5", scan_result), "r") as file:
        entry = file["entry_1"]
        for group, names in PATHS.items():
            assert [name for name in names.split() if name not in entry[group]] == [], group
        assert {"fft_shape", "crop_start_px", "binning", "voxel_axes"} <= set(entry["detector_frame"].attrs)
        assert list(entry["sample_frame"].attrs["voxel_size_m"]) == [5e-9] * 3
        assert entry["sample_frame"].attrs["frame"] == "sample"
        assert all("units" in entry["sample_frame"][name].attrs for name in ("strain", "phase", "support", "z"))
        assert entry["detector_frame/object"].dtype == np.complex64
        assert json.loads(entry["recommendation"].asstr()[()])["parameters"] == {"range_deg": 1.0}
        assert entry["defects/lines/000"].attrs["kind"] == "screw"
        assert entry["defects/planes/000"].attrs["kind"] == "stacking_fault"


def test_reads_back_as_it_was(scan_result: ScanResult, tmp_path: Path) -> None:
    back = read_result(write_result(tmp_path / "out.h5", scan_result))
    assert [f.name for f in fields(scan_result) if not same(getattr(scan_result, f.name), getattr(back, f.name))] == []
    empty = replace(scan_result, recommendation=None, defects=DefectReport(), flags=(), monitor=None)
    assert same(empty, read_result(write_result(tmp_path / "out.h5", empty)))


def test_silx_opens_on_a_picture_of_the_crystal(scan_result: ScanResult, tmp_path: Path) -> None:
    nxdata = pytest.importorskip("silx.io.nxdata", reason="silx is not installed")
    silx_io = pytest.importorskip("silx.io")
    with silx_io.open(str(write_result(tmp_path / "out.h5", scan_result))) as file:
        plot = nxdata.get_default(file, validate=True)
        assert plot.is_valid
        assert plot.signal_is_2d or plot.interpretation == "image"
        assert list(plot.axes_dataset_names) == ["y", "x"]
        assert np.isfinite(plot.signal[()]).any()
        for name in ("sample_frame", "strain_xz", "strain_yz", "rocking_curve", "quality", "diffraction"):
            assert nxdata.NXdata(file[f"entry_1/{name}"]).is_valid, name


def test_paraview_gets_the_same_numbers(scan_result: ScanResult, tmp_path: Path) -> None:
    write_result(tmp_path / "out.h5", scan_result)
    raw = (tmp_path / "out.vti").read_bytes()
    head, data = raw.split(b'<AppendedData encoding="raw">\n_', 1)
    tree = ElementTree.fromstring(head + b"</VTKFile>")
    assert tree.find("ImageData").attrib["WholeExtent"] == "0 15 0 13 0 11"
    offsets = {a.attrib["Name"]: int(a.attrib["offset"]) for a in tree.iter("DataArray")}
    start = offsets["d_spacing_m"] + 8
    values = np.frombuffer(data[start : start + 4 * scan_result.strain.support.size], "<f4")
    np.testing.assert_array_equal(values.reshape(scan_result.strain.support.shape), scan_result.strain.d_spacing_m)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(scan_result: ScanResult, tmp_path: Path) -> None:
    path = write_result(tmp_path / "out.h5", scan_result)
    before = path.read_bytes()
    broken = replace(scan_result, strain=replace(scan_result.strain, strain=None))  # type: ignore[arg-type]
    with pytest.raises((TypeError, ValueError, AttributeError)):
        write_result(path, broken)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.h5", "out.vti"]


def test_a_place_that_takes_no_file_is_refused_in_one_line(scan_result: ScanResult, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "folder", tmp_path / "file" / "out.h5"):
        with pytest.raises(BadInput) as error:
            write_result(target, scan_result)
        assert "\n" not in str(error.value)


def test_results_go_beside_raw_data_never_into_it() -> None:
    settings, made = load_settings(), Provenance("braggline", "0", "abc", 7)
    path = result_path(settings, "pt 12/1", "/data/id01/RAW_DATA/pt/pt_0001/pt_0001.h5", made)
    assert str(path) == "/data/id01/PROCESSED_DATA/pt/pt_0001/braggline/pt_12_1_abc_7.h5"
    assert result_path(settings, "a", "", made) == Path.cwd() / "braggline/a_abc_7.h5"
    chosen = load_settings(overrides={"results.directory": "/tmp/here"})
    assert result_path(chosen, "a", "/data/RAW_DATA/x.h5", made) == Path("/tmp/here/a_abc_7.h5")


def test_an_energy_scan_says_so(tmp_path: Path, scan_result: ScanResult) -> None:
    path = write_result(tmp_path / "out.h5", replace(scan_result, scanned_unit="eV"))
    with h5py.File(path) as file:
        assert file["entry_1/rocking_curve/angle"].attrs["units"] == "eV"
    assert read_result(path).scanned_unit == "eV"
