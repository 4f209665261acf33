"""What was found in the crystal, in words and tables: facets, defects, statistics. What was not looked for is said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from braggline_service.nexus import ScanResult, told_statistics, unit_of
from braggline_service.report.markup import indices, nothing, number, table

NO_FACETS = "No flat face found on this crystal."
NO_DEFECTS = (
    "None visible in this reflection. A dislocation whose Burgers vector lies in the reflecting planes (g·b = 0) "
    "leaves no trace in it: another reflection may still show one."
)
AXES = {"given": "the in-plane direction that was given", "facets": "the turn about Q that suits the facets best"}
PLACES = ("surface", "bulk", "all")
# unit of a key: the unit it is told in and its scale
TOLD_IN = {"m": ("pm", 1e12), "m^2": ("nm²", 1e18), "m^3": ("nm³", 1e27), "deg": ("deg", 1.0), "rad": ("rad", 1.0)}


def facets(result: ScanResult) -> str:
    """One row a facet, its strain in 10⁻⁴ and its displacement in pm."""
    report = result.facets
    if not report.searched:
        return nothing("Not searched.")
    if not report.facets:
        return nothing(NO_FACETS)
    head = (
        "", "hkl", "off by (deg)", "area (nm²)", "normal (x, y, z)", "voxels", "strain (10⁻⁴)", "± std",
        "displacement (pm)", "± std",
    )  # fmt: skip
    rows = [
        (
            str(row), indices(facet.hkl), number(facet.misfit_deg, 2), number(facet.area_m2, 4, 1e18),
            _direction(facet.normal), str(facet.voxels), number(facet.strain_mean, 3, 1e4, signed=True),
            number(facet.strain_std, 2, 1e4), number(facet.displacement_mean_m, 3, 1e12, signed=True),
            number(facet.displacement_std_m, 2, 1e12),
        )
        for row, facet in enumerate(report.facets, 1)
    ]  # fmt: skip
    known = f"Crystal axes from {AXES[report.axes_from]}." if report.axes_from in AXES else "Crystal axes not known."
    return table(head, rows) + nothing(f"Normals in the sample frame. {known}")


def defects(result: ScanResult) -> str:
    """One row a line or plane; never silent about what a single reflection cannot show."""
    report = result.defects
    if not report.searched:
        return nothing("Not searched.")
    if not report.lines and not report.planes:
        return nothing(NO_DEFECTS)
    head = ("", "kind", "center z, y, x (nm)", "length (nm)", "direction or normal (x, y, z)", "g·b", "confidence")
    rows = [
        (
            str(row), one.kind.replace("_", " "), ", ".join(number(v, 4, 1e9) for v in np.mean(one.position_m, axis=0)),
            number(_length_m(one.position_m), 3, 1e9) if row <= len(report.lines) else "–", _direction(one.direction),
            number(one.g_dot_b, 3), number(one.confidence, 2),
        )
        for row, one in enumerate((*report.lines, *report.planes), 1)
    ]  # fmt: skip
    return table(head, rows) + nothing("A dislocation with g·b = 0 cannot be seen in this reflection.")


def statistics(result: ScanResult) -> str:
    """One row a key, one column a place; lengths in pm, strains in 10⁻⁴."""
    told = told_statistics(result)
    if not told:
        return nothing("Not worked out.")
    places = sorted(told, key=lambda place: (PLACES.index(place) if place in PLACES else len(PLACES), place))
    keys = dict.fromkeys(key for place in places for key in told[place])
    rows = []
    for key in keys:
        name, scale, digits = _told(key)
        values = [told[place].get(key, float("nan")) for place in places]
        rows.append((name, *(f"{v:.0f}" if key == "voxels" and v == v else number(v, digits, scale) for v in values)))
    return table(("", *places), rows)


def _told(key: str) -> tuple[str, float, int]:
    """How a key reads, what its value is multiplied by, digits."""
    unit = unit_of(key)
    if unit:
        shown, scale = TOLD_IN[unit]
        end = "_" + unit.replace("^", "")
        name = key.removesuffix(end).replace("_", " ")
        return f"{name} ({shown})", scale, 7 if name.startswith(("lattice", "d spacing")) else 3
    if key.startswith("strain"):
        return f"{key.replace('_', ' ')} (10⁻⁴)", 1e4, 3
    return key.replace("_", " "), 1.0, 4


def _direction(direction: Sequence[float]) -> str:
    return ", ".join(f"{value:+.2f}".replace("-", "−") for value in direction)


def _length_m(points: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())
