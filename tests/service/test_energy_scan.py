"""A crystal rocked by the energy: read from its file, followed live, and advised in eV."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.preprocess import prepare
from braggline_models.recommendation import ScanLimits, next_scan, summarise
from braggline_models.scan import RockingCurve
from braggline_service.beamlines import load_beamline
from braggline_service.ingest.replay import _positions, header_of
from braggline_service.sources.read import read_scan
from braggline_service.sources.write import write_bliss_nexus
from braggline_service.stages.growing import GrowingCurve
from braggline_service.streams import Frame

N, STEP_eV = 32, 3.0


@pytest.fixture(scope="module")
def curve() -> RockingCurve:
    """A peak in an energy scan of ID01, six frames off the middle."""
    line = load_beamline("id01")
    detector, mask = line.detector("mpx1x4")
    rows, columns = np.indices(detector.shape_px)
    spot = np.exp(-((rows - 200) ** 2 + (columns - 190) ** 2) / 60.0)
    bell = 1000 * np.exp(-((np.arange(N) - 22) ** 2) / 4.0)
    intensity = np.random.default_rng(1).poisson(bell[:, None, None] * spot).astype(np.uint32)
    intensity[:, mask] = 0
    angles = {name: np.full(N, v) for name, v in {"eta": 17.7, "phi": 0.0, "nu": 0.0, "delta": 35.4}.items()}
    energies = 9000.0 + STEP_eV * (np.arange(N) - (N - 1) / 2)
    return RockingCurve(
        "scan_1.1", intensity, mask, np.ones(N, bool), angles, 9000.0, detector, line.diffractometer, 0.5,
        energies_eV=energies,
    )  # fmt: skip


@pytest.fixture
def scan(curve: RockingCurve, tmp_path: Path) -> Path:
    return write_bliss_nexus(tmp_path / "scan.h5", curve)


def changed(path: Path, dataset: str, data: object) -> Path:
    with h5py.File(path, "r+") as file:
        if dataset in file:
            del file[dataset]
        file[dataset] = data
    return path


def test_energies_come_back_from_the_file(scan: Path, curve: RockingCurve) -> None:
    back = read_scan(scan)
    assert curve.energies_eV is not None
    np.testing.assert_allclose(back.scanned_positions, curve.energies_eV, rtol=1e-12)
    assert (back.scanned_circle, back.scanned_unit, back.energy_eV) == ("energy", "eV", pytest.approx(9000.0))
    assert "an energy scan: its positions are in eV" in back.flags


def test_a_monochromator_that_was_read_once_does_not_hide_the_scanned_energy(scan: Path) -> None:
    back = read_scan(changed(scan, "1.1/instrument/monochromator/Energy", 9001.0))
    assert np.ptp(back.scanned_positions) == pytest.approx(STEP_eV * (N - 1))


def test_energies_of_the_monochromator_serve_as_well(scan: Path, curve: RockingCurve) -> None:
    assert curve.energies_eV is not None
    changed(scan, "1.1/instrument/positioners/mononrj", 9.0)
    back = read_scan(changed(scan, "1.1/instrument/monochromator/Energy", curve.energies_eV[::-1]))
    np.testing.assert_allclose(back.scanned_positions, curve.energies_eV[::-1])


@pytest.mark.parametrize(
    ("dataset", "data", "word"),
    [
        ("positioners/mononrj", 9.0 + 0.003 * np.arange(N - 3), "29 energies for 32 frames"),
        ("positioners/mononrj", 9.0 + 1e-6 * np.array([0, 1] * (N // 2)), "no sample circle moves"),
        ("positioners/eta", np.linspace(17.0, 18.0, N), "changes while a circle rocks"),
    ],
)
def test_what_is_no_energy_scan_is_told_in_one_line(scan: Path, dataset: str, data: object, word: str) -> None:
    with pytest.raises(BadInput, match=word) as error:
        read_scan(changed(scan, f"1.1/instrument/{dataset}", data))
    assert "\n" not in str(error.value)


def test_a_given_energy_does_not_overrule_a_scanned_one(scan: Path) -> None:
    with pytest.raises(BadInput, match="moves in this scan"):
        read_scan(scan, overrides={"energy_eV": 9000.0})


def test_frames_that_come_live_carry_their_energy(curve: RockingCurve) -> None:
    header = header_of(curve)
    assert header.scanned == "mononrj"
    moving, _ = _positions(curve)
    growing = GrowingCurve(header, load_beamline("id01"))
    for i in (k for k in range(N) if k != 5):
        positions = {name: float(values[i]) for name, values in moving.items()}
        growing.add(Frame(i, positions, None, curve.intensity[i]))
    grown = growing.curve()
    np.testing.assert_allclose(grown.scanned_positions, curve.scanned_positions)
    assert grown.energy_eV == pytest.approx(9000.0)
    assert not grown.measured[5]


def test_the_advice_is_in_eV_and_never_in_deg(curve: RockingCurve) -> None:
    volume = prepare(curve)
    advice = next_scan(summarise(curve, volume), ScanLimits(max_range_deg=0.1, min_step_deg=50.0))
    assert "recenter" in advice.action
    assert [key for key in (*advice.parameters, *advice.details) if "deg" in key] == []
    assert "deg" not in advice.reason + advice.expected_gain
    assert advice.parameters["center_eV"] == pytest.approx(9000.0 + STEP_eV * 6.5, abs=1.0)
    assert advice.parameters["step_eV"] == pytest.approx(STEP_eV, rel=0.5)
    assert advice.limits_hit == ()  # limits in deg say nothing about eV
    nothing = replace(summarise(curve, volume), counts_per_frame=np.zeros(N))
    assert "deg" not in next_scan(nothing).reason
    assert "range_eV" in next_scan(nothing).parameters
