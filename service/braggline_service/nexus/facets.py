"""/entry_1/facets: the flat faces of the crystal as columns of a table, and a volume that says which voxel is whose."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from braggline_models.results import Facet, FacetReport
from braggline_service.nexus.groups import axis
from braggline_service.nexus.packed import packed

# column: units, dtype, shape of one value
COLUMNS = {
    "normal": ("", np.float64, (3,)),
    "center_m": ("m", np.float64, (3,)),
    "area_m2": ("m^2", np.float64, ()),
    "voxels": ("", np.int64, ()),
    "hkl": ("", np.int64, (3,)),
    "misfit_deg": ("deg", np.float64, ()),
    "strain_mean": ("", np.float64, ()),
    "strain_std": ("", np.float64, ()),
    "displacement_mean_m": ("m", np.float64, ()),
    "displacement_std_m": ("m", np.float64, ()),
}


def write_facets(place: h5py.Group, report: FacetReport) -> None:
    """One row a facet, largest first; `labels` int16 (z, y, x); attribute `searched` says whether anyone looked."""
    place.attrs["searched"] = report.searched
    place.attrs["frame"] = "sample"
    place.attrs["axes_from"] = report.axes_from
    for name, (units, dtype, shape) in COLUMNS.items():
        values = np.array([getattr(facet, name) for facet in report.facets], dtype).reshape(-1, *shape)
        axis(place, name, values, units)
    packed(place, "labels", report.labels, "").attrs["long_name"] = "1 + row of the facet, 0 elsewhere"
    if report.axes is not None:
        axis(place, "axes", report.axes, "")
        place["axes"].attrs["long_name"] = "columns: [100], [010], [001] in the sample frame's (x, y, z)"


def read_facets(place: h5py.Group) -> FacetReport:
    """The report as it was."""
    table = {name: place[name][()].tolist() for name in COLUMNS}
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    return FacetReport(
        tuple(_facet(row) for row in rows),
        place["axes"][()] if "axes" in place else None,
        str(place.attrs["axes_from"]),
        place["labels"][()],
        bool(place.attrs["searched"]),
    )


def _facet(row: dict[str, Any]) -> Facet:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return Facet(**values)
