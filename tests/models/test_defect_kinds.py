"""What winds the phase is named for what it is, in whatever orientation; dark planes are found and told apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from braggline_models.defects import find_lines, suspects, told_by_rule
from braggline_models.defects.character import character_of, known_systems
from braggline_models.defects.core import NU, Core, fitted_core
from braggline_models.defects.planes import darkest_plane
from braggline_models.results import StrainField
from braggline_models.simulate.elastic import displacement
from braggline_models.simulate.slip import DISLOCATIONS

N, VOXEL_m = 44, 4e-9
Z, Y, X = (np.indices((N, N, N)) - N // 2).astype(float)
POINTS = np.stack([X, Y, Z], axis=-1)
BALL = np.linalg.norm(POINTS, axis=-1) < 15
TURNED = Rotation.from_rotvec([0.7, -0.4, 0.5])


def blurred(psi: np.ndarray, blur: float = 0.8) -> np.ndarray:
    return (gaussian_filter(psi.real, blur) + 1j * gaussian_filter(psi.imag, blur)).astype(np.complex64)


def field(psi: np.ndarray, q: np.ndarray) -> StrainField:
    support = np.abs(psi) > 0.5
    phase = np.where(support, np.angle(psi), np.nan).astype(np.float32)
    return StrainField(np.abs(psi), phase, phase, phase, phase, phase, support, VOXEL_m, q)


def dislocated(direction: np.ndarray, burgers: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, StrainField]:
    """A ball with a dislocation through a point beside its middle; burgers.g is in turns."""
    u = displacement(POINTS - [1.3, 0.4, -0.7], direction, burgers, NU, 15.0)
    psi = blurred(BALL * np.exp(2j * np.pi * u @ g))
    return psi, field(psi, g * 2.8e10 / np.linalg.norm(g))


LINE = np.array([0.0, 0.0, 1.0])
CASES = {
    "screw": (LINE, np.array([0.6, 0.0, 0.8])),  # b, g
    "edge": (np.array([1.0, 0.0, 0.0]), np.array([0.9, 0.4, 0.3])),
    "mixed": (np.array([0.5, 0.0, 0.5]), np.array([0.8, 0.0, 0.6])),
}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("kind", DISLOCATIONS)
def test_the_elastic_displacement_tells_the_kind(kind: str, turned: bool) -> None:
    b, g = CASES[kind]
    g = g / abs(float(b @ g))  # one turn
    turn = TURNED.as_matrix() if turned else np.eye(3)
    psi, strain = dislocated(turn @ LINE, turn @ b, turn @ g)
    (line,) = find_lines(strain, psi).lines
    core = fitted_core(psi, strain, line, 6.0)
    edge = b - (b @ LINE) * LINE
    assert core.edge == pytest.approx(float(edge @ g), abs=0.15)
    assert abs(core.across) == pytest.approx(abs(float(np.cross(edge, g) @ LINE)), abs=0.3)
    assert core.along == pytest.approx(abs(float(g @ LINE)) / np.linalg.norm(g), abs=0.06)
    assert core.loop == pytest.approx(1.0, abs=0.05)
    assert character_of(core, line.g_dot_b).kind == kind


@pytest.mark.parametrize("reflection", [(1, 1, 1), (2, 0, 0), (2, 2, 0)])
def test_every_slip_system_is_told_by_its_four_numbers(reflection: tuple[int, int, int]) -> None:
    """No two kinds share angle to Q, winding, edge part and part across: the crystal's turn about Q is not needed."""
    for kind in DISLOCATIONS:
        for along, turns, edge, across in known_systems(kind, reflection):
            told = character_of(Core(along, turns, edge, 0.0, across, 0.0, 0.1, 0.0, 0.5, 200), turns, reflection)
            assert told.kind == kind
            assert told.misfits[DISLOCATIONS.index(kind)] == pytest.approx(0.0, abs=1e-9)


def test_equal_reflections_know_equal_systems() -> None:
    core = Core(0.8165, 1.0, 0.02, 0.1, 0.03, 0.1, 0.1, 0.0, 0.5, 200)
    first, second = (character_of(core, 1.0, hkl) for hkl in ((1, 1, 1), (-1, 1, -1)))
    assert first.kind == second.kind == "screw"
    np.testing.assert_allclose(first.misfits, second.misfits)


def test_a_line_that_is_too_short_to_fit_has_no_kind_for_sure() -> None:
    psi, strain = dislocated(LINE, LINE, np.array([0.0, 0.0, 1.0]))
    (line,) = find_lines(strain, psi).lines
    core = fitted_core(psi, strain, line, 1.05)
    assert core.edge_sd == 2.0
    assert character_of(core, 1.0).confidence < 0.5


@pytest.mark.parametrize("normal", [np.array([0.0, 0.0, 1.0]), np.array([2.0, -1.0, 1.5]) / np.sqrt(7.25)])
def test_a_fault_is_dark_and_steps(normal: np.ndarray) -> None:
    side = POINTS @ normal - 2.4 > 0
    psi = blurred(BALL * np.exp(1j * (2 * np.pi / 3 * side + 0.05 * X)))
    plane = darkest_plane(psi)
    assert plane is not None
    assert abs(float(plane.normal @ normal)) > np.cos(np.radians(4.0))
    middle = plane.points.mean(axis=0)[::-1] - N // 2
    assert float(middle @ normal) == pytest.approx(2.4, abs=0.6)
    report = told_by_rule(suspects(field(psi, np.array([0, 0, 2.8e10])), psi))
    assert [each.kind for each in report.planes] == ["stacking_fault"]
    assert report.lines == ()


def test_a_lamella_that_is_missing_is_a_twin() -> None:
    normal = np.array([1.0, 1.0, 1.0]) / np.sqrt(3)
    missing = np.abs(POINTS @ normal + 1.5) < 1.5
    psi = blurred(BALL * ~missing * np.exp(0.03j * Y))
    report = told_by_rule(suspects(field(psi, np.array([0, 0, 2.8e10])), psi))
    assert [each.kind for each in report.planes] == ["twin"]
    assert abs(float(np.dot(report.planes[0].direction, normal))) > np.cos(np.radians(4.0))


def test_a_strained_crystal_with_noise_has_none() -> None:
    rng = np.random.default_rng(0)
    psi = blurred(BALL * np.exp(1j * (2.0 * np.sin(X / 6) * np.cos(Y / 7))))
    psi += (0.05 * (rng.normal(size=psi.shape) + 1j * rng.normal(size=psi.shape))).astype(np.complex64)
    found = suspects(field(psi, np.array([0, 0, 2.8e10])), psi)
    for faint in (False, True):
        report = told_by_rule(found, faint)
        assert report.searched
        assert (report.lines, report.planes) == ((), ())


def test_the_scale_of_the_object_is_free() -> None:
    psi, strain = dislocated(LINE, *CASES["edge"])
    once, again = (suspects(strain, psi * factor) for factor in (1.0, 170.0))
    assert [each.defect.kind for each in once] == [each.defect.kind for each in again]
    assert once[0].cores is not None
    assert again[0].cores is not None
    assert again[0].cores[0].edge == pytest.approx(once[0].cores[0].edge, abs=1e-4)
