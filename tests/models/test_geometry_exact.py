"""The exact q of voxels, the error of the linear geometry, and scans by any circle or by the energy."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.geometry import bragg_geometry, exact_q, linearisation_error, placed, q_of, rotation_product
from braggline_models.preprocess import prepare
from braggline_models.scan import Circle, Detector, Diffractometer, RockingCurve

ENERGY_eV, N = 9000.0, 33
DETECTOR = Detector("d", (80, 80), (55e-6, 55e-6), 0.6, (38.0, 41.5), 1.5, 30.0, -2.0)
PEAK = (15.4, 42.3, 37.8)
AXES = [(0, -1, 0), (0, 0, -1), (1, 0, 0), (0, 1, 0)]
ARM = (Circle("nu", (0, 0, -1)), Circle("delta", (0, -1, 0)))
BRAGG_DEG = {"a": 17.3, "b": -8.0, "c": 4.0, "d": 11.0, "nu": 3.0, "delta": 35.4}


def diffractometer(circles: int, sign: int = 1) -> Diffractometer:
    """One to four sample circles, all turning one way or the other."""
    axes = [tuple(float(sign * x) for x in axis) for axis in AXES[:circles]]
    sample = tuple(Circle(name, axis) for name, axis in zip("abcd", axes, strict=False))  # type: ignore[arg-type]
    return Diffractometer(f"{circles} circles", sample, ARM, (0, 0, -1), (0, 1, 0))


def curve(arm: Diffractometer, rocking: str, step: float = 0.01, energy_step_eV: float = 0.0) -> RockingCurve:
    angles = {name: np.full(N, BRAGG_DEG[name]) for name in arm.circle_names}
    index = np.arange(N) - N // 2
    if rocking != "energy":
        angles[rocking] = BRAGG_DEG[rocking] + index * step
    energies = ENERGY_eV + energy_step_eV * index if energy_step_eV else None
    nothing = np.broadcast_to(np.zeros(1, np.uint8), (N, 80, 80))
    mask, measured = np.zeros((80, 80), bool), np.ones(N, bool)
    return RockingCurve("s", nothing, mask, measured, angles, ENERGY_eV, DETECTOR, arm, energies_eV=energies)


SCANS = [
    *((circles, sign, rocking) for circles in (1, 2, 3, 4) for sign in (1, -1) for rocking in "abcd"[:circles]),
    (2, 1, "energy"), (4, -1, "energy"),
]  # fmt: skip


def scan_of(circles: int, sign: int, rocking: str) -> RockingCurve:
    return curve(diffractometer(circles, sign), rocking, energy_step_eV=2.0 * (rocking == "energy"))


@pytest.mark.parametrize(("circles", "sign", "rocking"), SCANS)
def test_exact_q_is_that_of_each_voxel_by_itself(circles: int, sign: int, rocking: str) -> None:
    scan = scan_of(circles, sign, rocking)
    rng = np.random.default_rng(circles)
    frames, rows, columns = rng.integers(0, N, 20), rng.uniform(0, 79, 20), rng.uniform(0, 79, 20)
    found = exact_q(scan, frames, rows, columns)
    for frame, row, column, q in zip(frames, rows, columns, found, strict=True):
        angles = {name: float(values[frame]) for name, values in scan.angles_deg.items()}
        energy = scan.energy_eV if scan.energies_eV is None else float(scan.energies_eV[frame])
        np.testing.assert_allclose(q, q_of(scan.diffractometer, DETECTOR, angles, row, column, energy), rtol=1e-12)


@pytest.mark.parametrize(("circles", "sign", "rocking"), SCANS)
def test_linear_geometry_is_the_derivative_of_the_exact_one(circles: int, sign: int, rocking: str) -> None:
    """Whatever moves, with whichever sign: a small step from the peak has an error of second order only."""
    scan = scan_of(circles, sign, rocking)
    q_bragg, q_step = bragg_geometry(scan, PEAK)
    for offset in ((0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5), (0.5, -0.5, 0.5)):
        exact = exact_q(scan, *(np.array(PEAK) + offset))
        assert np.linalg.norm(exact - q_bragg - q_step @ offset) < 2e-3 * np.linalg.norm(q_step @ offset)


def test_an_energy_scan_moves_q_along_itself() -> None:
    """q is k times a direction: dq / dE = q / E, whatever the angles."""
    q_bragg, q_step = bragg_geometry(scan_of(2, 1, "energy"), PEAK)
    energy_eV = ENERGY_eV + 2.0 * (PEAK[0] - N // 2)
    np.testing.assert_allclose(q_step[:, 0], 2.0 * q_bragg / energy_eV, rtol=1e-9)


def test_an_energy_scan_names_its_positions_in_eV() -> None:
    scan = scan_of(2, 1, "energy")
    assert (scan.scanned_circle, scan.scanned_unit) == ("energy", "eV")
    np.testing.assert_allclose(np.diff(scan.scanned_positions), 2.0)
    rocked = scan_of(2, 1, "b")
    assert (rocked.scanned_circle, rocked.scanned_unit) == ("b", "deg")
    assert rocked.scanned_positions[0] == rocked.angles_deg["b"][0]
    with pytest.raises(BadInput, match="energies for 33 frames"):
        replace(scan, energies_eV=np.ones(3))


def test_exact_q_takes_grids_and_frames_between_and_beyond_the_measured_ones() -> None:
    scan = scan_of(2, 1, "a")
    grid = exact_q(scan, np.arange(N)[:, None, None], np.arange(5)[:, None], np.arange(7))
    assert grid.shape == (N, 5, 7, 3)
    np.testing.assert_allclose(grid[3, 2, 6], exact_q(scan, 3, 2, 6))
    whole = exact_q(scan, [4.5, 7.0, -2.0, N + 1.5], 40, 40)
    scan.measured[[7, 0, N - 1]] = False
    scan.angles_deg["a"][[7, 0, N - 1]] = np.nan
    np.testing.assert_allclose(exact_q(scan, [4.5, 7.0, -2.0, N + 1.5], 40, 40), whole, rtol=1e-12)


def test_linearisation_error_is_the_largest_over_all_voxels_and_falls_with_the_volume() -> None:
    scan = scan_of(2, 1, "a")
    peak = (16.0, 40.0, 40.0)
    start, shape = (0, 8, 8), (N, 65, 65)
    q_bragg, q_step = bragg_geometry(scan, peak)
    index = np.stack(np.meshgrid(*(s + np.arange(n) for s, n in zip(start, shape, strict=True)), indexing="ij"), -1)
    error = np.linalg.norm(exact_q(scan, *np.moveaxis(index, -1, 0)) - q_bragg - (index - peak) @ q_step.T, axis=-1)
    corners = np.array(list(product(*((s, s + n) for s, n in zip(start, shape, strict=True)))))
    diagonal = np.linalg.norm((corners[:, None] - corners[None]) @ q_step.T, axis=-1).max()
    found = linearisation_error(scan, peak, start, shape)
    assert found == pytest.approx(error.max() / diagonal, rel=1e-9)
    half = linearisation_error(scan, peak, (8, 24, 24), (17, 33, 33))
    assert half / found == pytest.approx(0.5, rel=0.1)  # second order, over a length that is half
    binned = linearisation_error(scan, peak, (0, 8, 8), (16, 65, 65), (2, 1, 1))
    assert binned == pytest.approx(found, rel=0.05)


def blob(scan: RockingCurve, width_px: float, counts: float) -> RockingCurve:
    f, r, c = np.meshgrid(np.arange(N) - 16, np.arange(80) - 40, np.arange(80) - 40, indexing="ij")
    intensity = counts * np.exp(-((f / 4) ** 2 + (r / width_px) ** 2 + (c / width_px) ** 2) / 2)
    return replace(scan, intensity=np.round(intensity).astype(np.uint32))


def test_a_prepared_volume_knows_its_beam_and_the_error_of_its_geometry() -> None:
    scan = blob(scan_of(4, 1, "b"), 4.0, 1e4)
    volume = prepare(scan)
    at_peak = {name: float(np.interp(volume.peak_px[0], np.arange(N), v)) for name, v in scan.angles_deg.items()}
    np.testing.assert_allclose(
        volume.sample_to_lab, rotation_product(scan.diffractometer.sample_circles, at_peak), atol=1e-9
    )
    assert volume.energy_eV == ENERGY_eV
    assert 0.0 < volume.linearisation_error < 0.01
    assert not [flag for flag in volume.flags if "linear" in flag]
    # the directions of the beam: k_out = k_in + q is as long as k_in
    k_in = 2 * np.pi * ENERGY_eV / 1.239841984e-6 * volume.sample_to_lab.T @ [1.0, 0.0, 0.0]
    assert np.linalg.norm(k_in + volume.q_bragg_per_m) == pytest.approx(np.linalg.norm(k_in), rel=1e-9)


def test_energy_of_the_peak_is_that_of_its_frame() -> None:
    scan = blob(scan_of(2, 1, "energy"), 4.0, 1e4)
    volume = prepare(replace(scan, energies_eV=scan.energies_eV + 50.0))  # type: ignore[operator]
    assert volume.energy_eV == pytest.approx(ENERGY_eV + 50.0 + 2.0 * (volume.peak_px[0] - N // 2))


def test_signal_far_from_the_linear_place_is_flagged() -> None:
    """A short arm and wide steps: what lies at the window's corners is off its place, and said so if it is bright."""
    near = replace(scan_of(2, 1, "a"), detector=replace(DETECTOR, distance_m=0.06))
    dim, bright = (placed(prepare(blob(near, width, 1e4)), near).flags for width in (3.0, 16.0))
    assert not [flag for flag in dim if "not linear" in flag]
    assert [flag for flag in bright if "voxels with signal lie up to" in flag]
