"""Dislocations by law: they are solutions of elasticity, wind by b, and lie where fcc metals have them."""

from __future__ import annotations

import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.simulate.box import box_around
from braggline_models.simulate.elastic import add_line_phase, displacement, line_axes
from braggline_models.simulate.slip import character, drawn_system, slip_systems, twin_shares

NU = 0.38
DIRECTION = np.array([1.0, 2.0, 2.0]) / 3.0
BURGERS = np.array([0.5, 0.5, 0.0])


def around(radius: float = 2.0, n: int = 721) -> np.ndarray:
    """Points of a right-handed turn about the line through the origin, first and last the same but for the cut."""
    x, y, _ = line_axes(DIRECTION, BURGERS)
    angle = np.linspace(-np.pi + 1e-9, np.pi - 1e-9, n)
    return radius * (np.outer(np.cos(angle), x) + np.outer(np.sin(angle), y)) + 0.3 * DIRECTION


def test_a_turn_about_the_line_adds_the_burgers_vector() -> None:
    u = displacement(around(), DIRECTION, BURGERS, NU)
    np.testing.assert_allclose(u[-1] - u[0], BURGERS, atol=1e-7)


def test_the_displacement_is_in_equilibrium() -> None:
    """Navier: (1 - 2 nu) laplace u + grad div u = 0 away from the line, by finite differences."""
    h = 1e-3
    for point in (np.array([0.7, 0.5, -0.4]), np.array([-0.3, 0.9, 0.2])):
        u = lambda *steps: displacement(point + h * np.array(steps), DIRECTION, BURGERS, NU)  # noqa: B023, E731
        unit = np.eye(3, dtype=int)
        second = np.zeros((3, 3, 3))  # of u_c by x_a, x_b
        for a in range(3):
            for b in range(3):
                pm = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
                second[a, b] = sum(s * t * u(*(s * unit[a] + t * unit[b])) for s, t in pm) / (4 * h * h)
        residual = (1 - 2 * NU) * np.trace(second) + np.array(
            [sum(second[c, b, b] for b in range(3)) for c in range(3)]
        )
        assert np.abs(residual).max() < 1e-4 * np.abs(second).max()


def test_the_phase_of_the_kernel_is_g_u_on_a_skewed_grid() -> None:
    vectors = np.array([[1.0, 0.2, 0.0], [0.0, 0.9, 0.1], [0.1, 0.0, 1.1]])
    box = box_around(vectors, 6.0)
    point, g = np.array([0.3, -0.2, 0.1]), 2 * np.pi * np.array([1.0, 1.0, 1.0])
    phase = np.zeros(box.shape, np.float32)
    add_line_phase(phase, np.ones(box.shape, bool), box, point, DIRECTION, BURGERS, g, NU)
    relative = box.points - point
    axes = line_axes(DIRECTION, BURGERS)
    far = np.hypot(relative @ axes[0], relative @ axes[1]) > 1.0
    expected = displacement(relative, DIRECTION, BURGERS, NU) @ g
    difference = np.angle(np.exp(1j * (phase - expected)) * np.exp(-1j * (phase - expected)[far][0]))
    assert np.abs(difference[far]).max() < 1e-3


@pytest.mark.parametrize(("kind", "number"), [("screw", 48), ("edge", 48), ("mixed", 192), ("stacking_fault", 24)])
def test_slip_systems_of_fcc(kind: str, number: int) -> None:
    """b and line in a {111} plane; an edge along <112>, a screw along its own <110>."""
    systems = slip_systems(kind)
    assert len(systems) == number
    for system in systems:
        assert abs(system.burgers @ system.plane) < 1e-9
        length = np.sqrt(1 / 6) if kind == "stacking_fault" else np.sqrt(1 / 2)
        assert np.linalg.norm(system.burgers) == pytest.approx(length)
        if kind != "stacking_fault":
            assert abs(system.line @ system.plane) < 1e-9
            assert character(system.burgers, system.line) == kind


def test_visible_is_what_the_reflection_sees() -> None:
    rng = np.random.default_rng(1)
    for kind in ("screw", "edge", "mixed"):
        seen = {abs(drawn_system(kind, True, (1, 1, 1), rng).g_dot_b((1, 1, 1))) for _ in range(40)}
        assert seen == {1.0}
        assert drawn_system(kind, False, (1, 1, 1), rng).g_dot_b((1, 1, 1)) == 0.0
    assert {abs(s.g_dot_b((2, 2, 0))) for s in slip_systems("screw")} == {0.0, 1.0, 2.0}
    steps = {s.g_dot_b((1, 1, 1)) % 1.0 for s in slip_systems("stacking_fault")}
    assert {round(3 * step) for step in steps} == {0, 1, 2}
    with pytest.raises(BadInput, match="no stacking_fault is invisible in 2 0 0"):
        drawn_system("stacking_fault", False, (2, 0, 0), rng)
    with pytest.raises(BadInput, match="defect 'loop' is unknown; take one of screw"):
        drawn_system("loop", True, (1, 1, 1), rng)


def test_a_twin_shares_the_reflections_along_and_across_its_plane() -> None:
    plane = np.ones(3) / np.sqrt(3)
    assert twin_shares(plane, (1, 1, 1))
    assert twin_shares(plane, (2, -2, 0))
    assert not twin_shares(plane, (1, 1, -1))
    assert not twin_shares(plane, (2, 0, 0))
