"""Lattice parameters and refraction of the metals, against the tables that xrayutilities carries."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.geometry.materials import LATTICE_PARAMETER_A, material, refraction


def test_a_material_is_found_by_its_symbol_in_any_case() -> None:
    assert material("pt") == material(" Pt ")
    assert material("Au").lattice_parameter_m == pytest.approx(4.0782e-10)


def test_an_unknown_material_names_the_known_ones() -> None:
    with pytest.raises(BadInput, match="'Fe' is unknown; known are Ag, Al, Au, Cu, Ni, Pd, Pt"):
        material("Fe")


@pytest.mark.parametrize("energy_eV", [np.nan, 9.0, 1e6])
def test_refraction_is_asked_for_x_rays(energy_eV: float) -> None:
    with pytest.raises(BadInput, match="no X-ray energy"):
        refraction("Pt", energy_eV)


def test_density_is_that_of_the_metal() -> None:
    """delta follows r_e lambda^2 n_e / 2 far from edges: for Al at 20 keV to 1 %."""
    delta, _ = refraction("Al", 20_000.0)
    wavelength_m, electrons_per_m3 = 1.239841984e-6 / 20_000.0, 4 * 13 / 4.0496e-10**3
    assert delta == pytest.approx(2.8179403e-15 * wavelength_m**2 * electrons_per_m3 / (2 * np.pi), rel=0.01)


@pytest.mark.parametrize("name", ["Pt", "Au", "Cu", "Ag", "Al"])
def test_lattice_and_refraction_agree_with_other_tables(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = getattr(pytest.importorskip("xrayutilities").materials, name)
        delta, beta = refraction(name, 9000.0)
        assert delta == pytest.approx(other.delta(9000), rel=0.01)
        assert beta == pytest.approx(other.ibeta(9000), rel=0.06)
    assert LATTICE_PARAMETER_A[name] == pytest.approx(other.lattice.a, rel=3e-4)
