"""Central slices as plots of their own: a cube would open on its first slice, where there is no crystal."""

from __future__ import annotations

import h5py
import numpy as np

from braggline_models.results import StrainField
from braggline_models.scan import BoolArray
from braggline_service.nexus.groups import axis, group

# name of the picture: axis across which it is cut, its rows, its columns
CUTS = {"xy": (0, "y", "x"), "xz": (1, "z", "x"), "yz": (2, "z", "y")}


def central_index(support: BoolArray) -> tuple[int, int, int]:
    """The voxel (z, y, x) nearest to the crystal's center of mass; the middle of the grid where there is none."""
    if not support.any():
        return tuple(n // 2 for n in support.shape)
    return tuple(round(float(np.mean(where))) for where in np.nonzero(support))  # type: ignore[return-value]


def write_pictures(entry: h5py.Group, strain: StrainField) -> None:
    """strain_xy, strain_xz, strain_yz: NXdata through the crystal's center."""
    center = central_index(strain.support)
    for name, (across, rows, columns) in CUTS.items():
        place = group(entry, f"strain_{name}", "NXdata", signal="strain")
        picture = np.take(strain.strain, center[across], axis=across)
        dataset = place.create_dataset("strain", data=picture)
        dataset.attrs["units"] = ""
        dataset.attrs["interpretation"] = "image"
        place.attrs["axes"] = [rows, columns]
        place.attrs["slice_index"] = center[across]
        for label, length in zip((rows, columns), picture.shape, strict=True):
            axis(place, label, np.arange(length) * strain.voxel_size_m * 1e9, "nm")
        at_nm = center[across] * strain.voxel_size_m * 1e9
        place["title"] = f"strain at {'zyx'[across]} = {at_nm:.0f} nm, {strain.frame} frame"
