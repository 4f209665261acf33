"""From q to the lattice: does the Bragg peak belong to the reflection that it is said to be."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 0.01  # of d: more than strain, temperature and a detector some pixels off explain
HIGHEST_INDEX = 5
Indices = tuple[int, int, int]


def d_spacing_m(q_per_m: NDArray[np.float64]) -> float:
    """d = 2 pi / |q|, m; q (3,) in 1/m, of any frame."""
    return float(2.0 * np.pi / np.linalg.norm(q_per_m))


def lattice_parameter_m(q_per_m: NDArray[np.float64], reflection: Indices) -> float:
    """a = d sqrt(h^2 + k^2 + l^2) of a cubic lattice, m."""
    return d_spacing_m(q_per_m) * _length(reflection)


def allowed_in_fcc(reflection: Indices) -> bool:
    """h, k, l are all even or all odd, and not all 0: else the four atoms of the cell cancel."""
    return len({index % 2 for index in reflection}) == 1 and any(reflection)


def check_reflection(
    q_per_m: NDArray[np.float64], reflection: Indices, lattice_parameter_m: float, tolerance: float = TOLERANCE
) -> str | None:
    """None where |d sqrt(h^2 + k^2 + l^2) / a - 1| <= tolerance, else one line with the numbers and what would fit.

    q (3,) of the Bragg peak in 1/m, of any frame; `lattice_parameter_m` of the fcc metal that the crystal is said to
    be. A flag and no error: the reconstruction is right whatever the peak is called, its d-spacing tells the rest.
    """
    hkl = _said(reflection)
    if not allowed_in_fcc(reflection):
        return f"reflection {hkl} does not exist in an fcc metal: its indices are not all even or all odd"
    found, expected = d_spacing_m(q_per_m), lattice_parameter_m / _length(reflection)
    if abs(found / expected - 1.0) <= tolerance:
        return None
    fitting = [_said(other) for other in fitting_reflections(q_per_m, lattice_parameter_m, tolerance)]
    remedy = f"{' or '.join(fitting)} fits" if fitting else "no reflection fits: check energy, angles and detector"
    return (
        f"the Bragg peak is not {hkl}: d = {1e10 * found:.4f} Å by the angles, {1e10 * expected:.4f} Å by the lattice "
        f"({found / expected - 1.0:+.1%}); {remedy}"
    )


def fitting_reflections(
    q_per_m: NDArray[np.float64], lattice_parameter_m: float, tolerance: float = TOLERANCE
) -> list[Indices]:
    """Families h >= k >= l >= 0 up to index 5, allowed in fcc, whose d is that of q within `tolerance`; best first."""
    families = [(h, k, m) for m, k, h in combinations_with_replacement(range(HIGHEST_INDEX + 1), 3)]
    misfit = {
        family: abs(d_spacing_m(q_per_m) * _length(family) / lattice_parameter_m - 1.0)
        for family in families
        if allowed_in_fcc(family)
    }
    return sorted((family for family in misfit if misfit[family] <= tolerance), key=lambda family: misfit[family])


def _length(reflection: Indices) -> float:
    return float(np.sqrt(sum(index * index for index in reflection)))


def _said(reflection: Indices) -> str:
    return f"({', '.join(map(str, reflection))})"
