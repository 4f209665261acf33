"""d-spacing, lattice parameter, and a reflection that is not what it is said to be."""

from __future__ import annotations

import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.geometry.lattice import (
    allowed_in_fcc,
    check_reflection,
    d_spacing_m,
    fitting_reflections,
    lattice_parameter_m,
)
from braggline_models.geometry.materials import material, reflection_flag
from braggline_models.scan import Sample

PT_m = material("Pt").lattice_parameter_m


def q_of_family(h: int, k: int, m: int, strain: float = 0.0) -> np.ndarray:
    """q of that family of Pt, in a direction of no meaning."""
    direction = np.array([0.2, -0.5, 0.7]) / np.linalg.norm([0.2, -0.5, 0.7])
    return direction * 2 * np.pi * np.sqrt(h * h + k * k + m * m) / (PT_m * (1 + strain))


def test_lattice_parameter_comes_back_from_q() -> None:
    q = q_of_family(1, 1, 1, strain=0.002)
    assert d_spacing_m(q) == pytest.approx(PT_m * 1.002 / np.sqrt(3))
    assert lattice_parameter_m(q, (1, 1, -1)) == pytest.approx(PT_m * 1.002)


@pytest.mark.parametrize("reflection", [(1, 1, 1), (-1, 1, 1), (0, 0, 2), (2, -2, 0), (-3, 1, 1)])
def test_a_right_reflection_says_nothing(reflection) -> None:
    q = q_of_family(*reflection, strain=-0.008)
    assert check_reflection(q, reflection, PT_m) is None
    assert reflection_flag(q, Sample("pt", reflection)) is None


def test_a_wrong_reflection_is_told_with_its_numbers_and_what_fits() -> None:
    told = reflection_flag(q_of_family(2, 0, 0), Sample("Pt", (1, 1, 1)))
    assert told is not None
    assert "\n" not in told
    for part in ("Pt: ", "not (1, 1, 1)", "d = 1.9618 Å", "2.2653 Å", "-13.4%", "(2, 0, 0) fits"):
        assert part in told


def test_what_fits_nothing_points_at_the_angles() -> None:
    told = check_reflection(1.08 * q_of_family(1, 1, 1), (1, 1, 1), PT_m)
    assert told is not None
    assert "check energy, angles and detector" in told


def test_two_families_of_one_length_are_both_named() -> None:
    assert set(fitting_reflections(q_of_family(5, 1, 1), PT_m)) == {(3, 3, 3), (5, 1, 1)}


def test_mixed_indices_do_not_exist() -> None:
    assert [allowed_in_fcc(hkl) for hkl in ((1, 1, 1), (-1, 1, 3), (2, 0, -2), (1, 0, 0), (0, 0, 0))] == [
        True, True, True, False, False,
    ]  # fmt: skip
    assert "does not exist" in str(check_reflection(q_of_family(1, 0, 0), (1, 0, 0), PT_m))


def test_too_little_known_says_nothing_and_an_unknown_metal_is_bad_input() -> None:
    q = q_of_family(1, 1, 1)
    assert reflection_flag(q, Sample()) is None
    assert reflection_flag(q, Sample(material="Pt")) is None
    assert reflection_flag(q, Sample(reflection=(1, 1, 1))) is None
    with pytest.raises(BadInput, match="unknown"):
        reflection_flag(q, Sample("Xx", (1, 1, 1)))
