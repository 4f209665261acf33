"""The fcc metals that nanocrystals of Bragg imaging are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.geometry.lattice import check_reflection
from braggline_models.scan import Sample

# Edge of the cubic cell in Å at 25 °C: H. W. King, Bull. Alloy Phase Diagrams 2, 401 (1981), as in the CRC Handbook.
# At 20 °C it is smaller by 4e-5 (Pt) to 1.2e-4 (Al) of itself, which is below what a diffractometer's zeros allow.
LATTICE_PARAMETER_A = {
    "Ag": 4.0857, "Al": 4.0496, "Au": 4.0782, "Cu": 3.6146, "Ni": 3.5240, "Pd": 3.8903, "Pt": 3.9236,
}  # fmt: skip
ATOMS_PER_CELL = 4
AVOGADRO_PER_mol = 6.02214076e23
TABULATED_eV = (1000.0, 200_000.0)


@dataclass(frozen=True)
class Material:
    """An fcc metal: its chemical symbol and the edge of its cubic cell."""

    name: str
    lattice_parameter_m: float


def material(name: str) -> Material:
    """The metal of that chemical symbol, upper or lower case. BadInput lists the known ones."""
    symbol = name.strip().capitalize()
    if symbol not in LATTICE_PARAMETER_A:
        known = ", ".join(sorted(LATTICE_PARAMETER_A))
        raise BadInput(f"material '{name}' is unknown; known are {known}")
    return Material(symbol, LATTICE_PARAMETER_A[symbol] * 1e-10)


def reflection_flag(q_per_m: NDArray[np.float64], sample: Sample) -> str | None:
    """`check_reflection` of what is known of the crystal; None where it fits, or too little is known.

    q (3,) of the Bragg peak, 1/m. BadInput for an unknown material.
    """
    if not sample.material or sample.reflection is None:
        return None
    metal = material(sample.material)
    told = check_reflection(q_per_m, sample.reflection, metal.lattice_parameter_m)
    return f"{metal.name}: {told}" if told else None


@cache
def refraction(name: str, energy_eV: float) -> tuple[float, float]:
    """n = 1 - delta + i beta: (delta, beta) of the metal at its density rho = 4 M / (N_A a^3).

    energy_eV: 1 to 200 keV, else BadInput, as for an unknown material. beta holds all that leaves the beam, absorbed
    or scattered. Source: xraylib (Schoonjans et al., Spectrochim. Acta B 66, 776 (2011)); away from absorption edges
    its delta is within 0.5 % and its beta within 5 % of the tables of Henke.
    """
    import xraylib  # here and not above: half a second that most programs need not wait

    metal = material(name)
    if not (np.isfinite(energy_eV) and TABULATED_eV[0] <= energy_eV <= TABULATED_eV[1]):
        raise BadInput(f"{energy_eV:g} eV is no X-ray energy; the refraction of {metal.name} is known for 1 to 200 keV")
    weight_g_per_mol = xraylib.AtomicWeight(xraylib.SymbolToAtomicNumber(metal.name))
    cell_cm3 = (metal.lattice_parameter_m * 100.0) ** 3
    density_g_per_cm3 = ATOMS_PER_CELL * weight_g_per_mol / (AVOGADRO_PER_mol * cell_cm3)
    energy_keV = energy_eV / 1000.0
    real = xraylib.Refractive_Index_Re(metal.name, energy_keV, density_g_per_cm3)
    return 1.0 - float(real), float(xraylib.Refractive_Index_Im(metal.name, energy_keV, density_g_per_cm3))
