"""What a result holds beside the maps of the sample frame: further frames, facets, statistics, sample, beam, ICAT."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import h5py
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from braggline_models.results import FacetReport
from braggline_models.scan import Sample
from braggline_service.nexus import ScanResult, icat_dataset, read_icat, read_result, told_statistics, write_result
from braggline_service.nexus.packed import packed

SQRT3 = 3**0.5
VISITOR = "data/visitor/hc1234/id01/20260101"
CHECKOUT = Path(__file__).parents[2]


@settings(max_examples=30, deadline=None)
@given(
    volume=arrays.arrays(
        st.sampled_from([np.float32, np.complex64, np.int16, np.bool_]),
        arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9),
    ),
    chunk=st.integers(1, 300),
)
def test_what_is_packed_unpacks_in_any_hdf5(volume: np.ndarray, chunk: int) -> None:
    with (
        pytest.MonkeyPatch.context() as patched,
        h5py.File("packed", "w", driver="core", backing_store=False) as file,
    ):
        patched.setattr("braggline_service.nexus.packed.CHUNK_BYTES", chunk)
        dataset = packed(file, "volume", volume, "m")
        back = dataset[()]
        assert dataset.attrs["units"] == "m"
    np.testing.assert_array_equal(back.astype(volume.dtype), volume)


def test_further_frames_have_the_maps_of_the_first(scan_result: ScanResult, tmp_path: Path) -> None:
    with h5py.File(write_result(tmp_path / "out.h5", scan_result), "r") as file:
        lab, sample = file["entry_1/lab_frame"], file["entry_1/sample_frame"]
        assert set(lab) == set(sample)
        assert lab.attrs["frame"] == "lab"
        assert "angles" in lab.attrs["frame_axes"]
        assert "stand at 0" in sample.attrs["frame_axes"]
        assert "crystal_frame" not in file["entry_1"]
        assert lab["lattice_parameter"].attrs["units"] == "m"
        np.testing.assert_allclose(lab["lattice_parameter"][()], scan_result.strain.d_spacing_m * SQRT3, rtol=1e-6)


def test_facets_statistics_sample_and_beam_are_told_with_units(scan_result: ScanResult, tmp_path: Path) -> None:
    with h5py.File(write_result(tmp_path / "out.h5", scan_result), "r") as file:
        entry = file["entry_1"]
        assert entry["facets"].attrs["searched"]
        assert entry["facets/area_m2"].attrs["units"] == "m^2"
        assert entry["facets/hkl"][()].tolist() == [[1, 1, 1], [0, 0, 0]]
        assert entry["facets/labels"].dtype == np.int16
        assert entry["statistics/surface/displacement_std_m"].attrs["units"] == "m"
        assert entry["statistics/all/lattice_parameter_mean_m"][()] == pytest.approx(2.3e-10 * SQRT3)
        assert "lattice_parameter_mean_m" not in entry["statistics/surface"]
        assert entry["sample/reflection"][()].tolist() == [1, 1, 1]
        assert entry["instrument/beam/incident_energy"][()] == 9000.0
        assert entry["instrument/linearisation_error"][()] == 0.002


def test_without_statistics_the_mean_lattice_parameter_is_that_of_the_map(scan_result: ScanResult) -> None:
    spacing = scan_result.strain.d_spacing_m[scan_result.strain.support].mean(dtype=float)
    told = told_statistics(replace(scan_result, statistics={}))
    assert told == {"all": {"lattice_parameter_mean_m": pytest.approx(spacing * SQRT3)}}


def test_without_a_reflection_there_is_no_lattice_parameter(scan_result: ScanResult, tmp_path: Path) -> None:
    bare = replace(scan_result, sample=Sample(), facets=FacetReport(), statistics={}, frames={})
    path = write_result(tmp_path / "out.h5", bare)
    with h5py.File(path, "r") as file:
        assert "lattice_parameter" not in file["entry_1/sample_frame"]
        assert not file["entry_1/facets"].attrs["searched"]
    back = read_result(path)
    assert (back.sample, back.frames, back.statistics, back.facets.searched) == (Sample(), {}, {}, False)


def test_statistics_keep_their_order(scan_result: ScanResult, tmp_path: Path) -> None:
    given = {"surface": {"voxels": 3.0, "strain_mean": 0.1}, "all": {"z": 1.0, "a": 2.0}}
    back = read_result(write_result(tmp_path / "out.h5", replace(scan_result, statistics=given, sample=Sample())))
    assert json.dumps(back.statistics) == json.dumps(given)


def test_a_file_of_before_still_reads(scan_result: ScanResult, tmp_path: Path) -> None:
    path = write_result(tmp_path / "out.h5", scan_result)
    with h5py.File(path, "r+") as file:
        for name in ("lab_frame", "facets", "statistics", "sample", "instrument", "icat"):
            del file["entry_1"][name]
    back = read_result(path)
    assert np.isnan(back.volume.energy_eV)
    assert (back.frames, back.facets.facets, back.strain.voxel_size_m) == ({}, (), 5e-9)


def test_the_default_plot_is_reached_link_by_link(scan_result: ScanResult, tmp_path: Path) -> None:
    with h5py.File(write_result(tmp_path / "out.h5", scan_result), "r") as file:
        place = file
        while "default" in place.attrs:
            place = place[place.attrs["default"]]
        assert place.attrs["NX_class"] == "NXdata"
        signal = place[place.attrs["signal"]]
        assert signal.ndim == 2
        assert [place[name].shape for name in place.attrs["axes"]] == [(n,) for n in signal.shape]


def test_vtk_reads_the_same_numbers_axes_and_spacing(scan_result: ScanResult, tmp_path: Path) -> None:
    xml = pytest.importorskip("vtkmodules.vtkIOXML", reason="vtk is not installed")
    numpy_support = pytest.importorskip("vtkmodules.util.numpy_support")
    write_result(tmp_path / "out.h5", scan_result)
    reader = xml.vtkXMLImageDataReader()
    reader.SetFileName(str(tmp_path / "out.vti"))
    reader.Update()
    image, strain = reader.GetOutput(), scan_result.strain
    shape = strain.support.shape
    assert image.GetDimensions() == shape[::-1]
    assert image.GetSpacing() == (5e-9,) * 3
    assert image.GetPointData().GetScalars().GetName() == "strain"
    expected = {
        "strain": strain.strain,
        "displacement_m": strain.displacement_m,
        "support": strain.support.astype(np.uint8),
        "facet": scan_result.facets.labels,
        "lattice_parameter_m": strain.d_spacing_m * np.float32(SQRT3),
    }
    for name, volume in expected.items():
        found = numpy_support.vtk_to_numpy(image.GetPointData().GetArray(name))
        assert found.dtype == volume.dtype, name
        np.testing.assert_array_equal(found.reshape(shape), volume, err_msg=name)
    z, y, x = 6, 7, 10
    at = image.FindPoint(x * 5e-9, y * 5e-9, z * 5e-9)
    assert image.GetPointData().GetArray("strain").GetValue(at) == strain.strain[z, y, x]


def test_icat_gets_its_own_names_and_nothing_it_does_not_know(scan_result: ScanResult, tmp_path: Path) -> None:
    path = tmp_path / VISITOR / "PROCESSED_DATA/pt/pt_0001/braggline/out.h5"
    told = read_icat(write_result(path, scan_result))
    assert told == icat_dataset(scan_result, path)
    assert (told["proposal"], told["beamline"], told["dataset"]) == ("hc1234", "id01", "out")
    assert told["raw"] == [str(tmp_path / VISITOR / "RAW_DATA/pt/pt_0001")]
    assert told["metadata"]["Sample_name"] == "pt"
    assert told["metadata"]["InstrumentMonochromator_energy"] == 9.0
    elsewhere = replace(scan_result, sample=Sample(), volume=replace(scan_result.volume, energy_eV=float("nan")))
    told = icat_dataset(elsewhere, tmp_path / "out.h5")
    assert set(told) == {"dataset", "path", "metadata"}
    assert not {"Sample_description", "InstrumentMonochromator_energy"} & set(told["metadata"])


@pytest.mark.bliss
def test_pyicat_plus_takes_what_we_tell(scan_result: ScanResult, tmp_path: Path) -> None:
    python = CHECKOUT / ".venv-bliss/bin/python"
    if not python.exists():
        pytest.skip("no environment with pyicat-plus; run `make env`")
    told = icat_dataset(scan_result, tmp_path / VISITOR / "PROCESSED_DATA/pt/pt_0001/braggline/out.h5")
    (tmp_path / "told.json").write_text(json.dumps(told))
    code = (
        "import json, sys; from pyicat_plus.client.main import IcatClient; from pathlib import Path\n"
        "from icat_esrf_definitions import models\n"
        "told = json.load(open(sys.argv[1])); client = IcatClient(metadata_urls=['localhost:1'])\n"
        "client.store_processed_data(**told, store_filename=sys.argv[2])\n"
        "known = (Path(models.__file__).parents[1] / 'hdf5_cfg.xml').read_text()\n"
        "unknown = [name for name in told['metadata'] if '${' + name + '}' not in known]\n"
        "assert not unknown, unknown\n"
    )
    arguments = [str(python), "-c", code, str(tmp_path / "told.json"), str(tmp_path / "out.xml")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "<" in (tmp_path / "out.xml").read_text()
    assert "hc1234" in (tmp_path / "out.xml").read_text()
