"""The repacked layout of APS 34-ID-C: a real scan, and small ones with faults."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.geometry import bragg_geometry
from braggline_service.sources.read import read_scan

SHARED = Path(os.environ.get("BRAGGLINE_SHARED", Path(__file__).parents[3] / "shared"))
N = 7


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "s1.h5"
    with h5py.File(path, "w") as file:
        file["frames"] = np.full((N, 256, 256), 3, np.uint32)
        file["theta_deg"] = np.linspace(0, 0.03, N)
        file["monitor"] = np.full(N, 1e4)
        values = {"delta_deg": 32.0, "gamma_deg": 12.0, "chi_deg": 90.0, "phi_deg": -5.0}
        for name, value in (values | {"energy_eV": 9e3, "detector_distance_m": 0.5, "pixel_size_m": 55e-6}).items():
            file[f"geometry/{name}"] = value
    return path


def test_the_real_gold_crystal_has_the_d_spacing_of_gold() -> None:
    path = SHARED / "data" / "aps34idc_s0054.h5"
    if not path.exists():
        pytest.skip("the shared data are not here (BRAGGLINE_SHARED)")
    curve = read_scan(path)
    assert (curve.intensity.shape, curve.scanned_circle, curve.exposure_s) == ((201, 256, 256), "theta", 0.25)
    assert int(curve.intensity.max()) == 165297
    q, _ = bragg_geometry(curve, (100.0, 128.0, 128.0))
    assert 2 * np.pi / np.linalg.norm(q) == pytest.approx(4.07999e-10 / np.sqrt(3), rel=0.01)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("theta_deg", np.arange(N - 1.0), "6 positions for 7 frames"),
        ("theta_deg", np.zeros(N), "no sample circle moves"),
        ("theta_deg", np.full(N, np.nan), "not a number at frame 0"),
        ("geometry/chi_deg", None, "--set chi=DEG"),
        ("geometry/energy_eV", None, "has no energy_eV"),
        ("frames", np.zeros((1, 256, 256), np.uint16), "one frame only"),
        ("frames", np.zeros((N, 256, 256), np.uint16), "every frame is empty"),
        ("frames", np.ones((N, 100, 256), np.uint16), "100x256"),
        ("frames", np.ones((N, 256), np.uint16), "(frame, row, column)"),
    ],
)
def test_faults_are_one_line(scan: Path, name: str, data: np.ndarray | None, words: str) -> None:
    with h5py.File(scan, "r+") as file:
        del file[name]
        if data is not None:
            file[name] = data
    with pytest.raises(BadInput) as error:
        read_scan(scan)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_overrides_and_entries(scan: Path) -> None:
    curve = read_scan(scan, overrides={"gamma": 1.0, "energy_eV": 8e3})
    assert (curve.angles_deg["gamma"][0], curve.energy_eV) == (1.0, 8e3)
    with pytest.raises(BadInput, match="no entries"):
        read_scan(scan, entry="3.1")
