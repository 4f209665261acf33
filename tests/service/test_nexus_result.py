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
    Defect,
    DefectReport,
    Provenance,
    Quality,
    Recommendation,
    Reconstruction,
    StrainField,
)
from braggline_models.scan import CleaningStep, PreparedVolume
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


@pytest.fixture
def result() -> ScanResult:
    """A ball with a strain that grows along x, values chosen by hand."""
    z, y, x = np.indices((12, 14, 16)) - np.array([6, 7, 8]).reshape(3, 1, 1, 1)
    support = z**2 + y**2 + x**2 < 20
    inside = lambda values: np.where(support, values, np.nan).astype(np.float32)  # noqa: E731
    strain = StrainField(
        amplitude=support.astype(np.float32), phase_rad=inside(0.1 * x), displacement_m=inside(1e-12 * x),
        strain=inside(1e-4 * x), uncertainty=inside(np.full(x.shape, 1e-5)), d_spacing_m=inside(2.3e-10 + 1e-14 * x),
        support=support, voxel_size_m=5e-9, q_bragg_per_m=np.array([0.0, 0.0, 2.7e10]),
    )  # fmt: skip
    quality = Quality(1.1, 1.2, 0.98, 0.95, np.linspace(1, 0, 9), np.linspace(0, 1e8, 9), 1.2e-8, 3, 5, ("twin",))
    reconstruction = Reconstruction(
        (support * np.exp(0.1j * x)).astype(np.complex64), support, np.zeros((0, *support.shape), np.complex64),
        quality, {"runs": 5, "schedule": "ER**10"}, 7, 410, True,
    )  # fmt: skip
    volume = PreparedVolume(
        "scan", np.full(support.shape, 3, np.float32), ~support, (0, 4, 5), (1, 1, 1), (6.0, 11.0, 12.5),
        np.array([0.0, 0.0, 2.7e10]), np.eye(3) * 1e6, (CleaningStep("hot", 2, 99.0),), ("noisy",), 12, 11,
    )  # fmt: skip
    defects = DefectReport((Defect("screw", np.ones((4, 3)) * 1e-8, (0.0, 0.0, 1.0), 1.0, 0.8),), True)
    advice = Recommendation("rescan", {"range_deg": 1.0}, "reason", "gain", 0.7, 600.0, ("points",), {"a": 1.0})
    return ScanResult(
        "scan", np.arange(12.0), np.linspace(15, 16, 12), volume, reconstruction, strain, defects, advice,
        Provenance("braggline", "0", "abc", 7, ("in.h5::1.1",)), 1, ("é, a flag",), 3.5, False, np.ones(12),
    )  # fmt: skip


def same(a: Any, b: Any) -> bool:
    if is_dataclass(a):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


def test_paths_units_and_attributes_of_the_contract(result: ScanResult, tmp_path: Path) -> None:
    with h5py.File(write_result(tmp_path / "out.h5", result), "r") as file:
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


def test_reads_back_as_it_was(result: ScanResult, tmp_path: Path) -> None:
    back = read_result(write_result(tmp_path / "out.h5", result))
    assert [f.name for f in fields(result) if not same(getattr(result, f.name), getattr(back, f.name))] == []
    empty = replace(result, recommendation=None, defects=DefectReport(), flags=(), monitor=None)
    assert same(empty, read_result(write_result(tmp_path / "out.h5", empty)))


def test_silx_opens_on_a_picture_of_the_crystal(result: ScanResult, tmp_path: Path) -> None:
    nxdata = pytest.importorskip("silx.io.nxdata", reason="silx is not installed")
    silx_io = pytest.importorskip("silx.io")
    with silx_io.open(str(write_result(tmp_path / "out.h5", result))) as file:
        plot = nxdata.get_default(file, validate=True)
        assert plot.is_valid
        assert plot.signal_is_2d or plot.interpretation == "image"
        assert list(plot.axes_dataset_names) == ["y", "x"]
        assert np.isfinite(plot.signal[()]).any()
        for name in ("sample_frame", "strain_xz", "strain_yz", "rocking_curve", "quality", "diffraction"):
            assert nxdata.NXdata(file[f"entry_1/{name}"]).is_valid, name


def test_paraview_gets_the_same_numbers(result: ScanResult, tmp_path: Path) -> None:
    write_result(tmp_path / "out.h5", result)
    raw = (tmp_path / "out.vti").read_bytes()
    head, data = raw.split(b'<AppendedData encoding="raw">\n_', 1)
    tree = ElementTree.fromstring(head + b"</VTKFile>")
    assert tree.find("ImageData").attrib["WholeExtent"] == "0 15 0 13 0 11"
    offsets = {a.attrib["Name"]: int(a.attrib["offset"]) for a in tree.iter("DataArray")}
    start = offsets["d_spacing_m"] + 8
    values = np.frombuffer(data[start : start + 4 * result.strain.support.size], "<f4")
    np.testing.assert_array_equal(values.reshape(result.strain.support.shape), result.strain.d_spacing_m)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(result: ScanResult, tmp_path: Path) -> None:
    path = write_result(tmp_path / "out.h5", result)
    before = path.read_bytes()
    broken = replace(result, strain=replace(result.strain, strain=None))  # type: ignore[arg-type]
    with pytest.raises((TypeError, ValueError, AttributeError)):
        write_result(path, broken)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.h5", "out.vti"]


def test_a_place_that_takes_no_file_is_refused_in_one_line(result: ScanResult, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "folder", tmp_path / "file" / "out.h5"):
        with pytest.raises(BadInput) as error:
            write_result(target, result)
        assert "\n" not in str(error.value)


def test_results_go_beside_raw_data_never_into_it() -> None:
    settings, made = load_settings(), Provenance("braggline", "0", "abc", 7)
    path = result_path(settings, "pt 12/1", "/data/id01/RAW_DATA/pt/pt_0001/pt_0001.h5", made)
    assert str(path) == "/data/id01/PROCESSED_DATA/pt/pt_0001/braggline/pt_12_1_abc_7.h5"
    assert result_path(settings, "a", "", made) == Path("braggline/a_abc_7.h5")
    chosen = load_settings(overrides={"results.directory": "/tmp/here"})
    assert result_path(chosen, "a", "/data/RAW_DATA/x.h5", made) == Path("/tmp/here/a_abc_7.h5")
