"""The maps as VTK image data, for ParaView."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braggline_models.results import StrainField
from braggline_service.nexus.atomic import written_whole

FLOATS = ("strain", "amplitude", "phase_rad", "displacement_m", "uncertainty", "d_spacing_m")
TYPES = {"<f4": "Float32", "|u1": "UInt8", "<i2": "Int16"}
HEADER = """<?xml version="1.0"?>
<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64">
<ImageData WholeExtent="{extent}" Origin="0 0 0" Spacing="{spacing}">
<Piece Extent="{extent}"><PointData Scalars="strain">
{arrays}
</PointData></Piece></ImageData>
<AppendedData encoding="raw">
_"""


def write_vti(
    path: Path,
    strain: StrainField,
    labels: NDArray[np.int16] | None = None,
    lattice_per_spacing: float | None = None,
) -> Path:
    """Point data x fastest, as the maps' (z, y, x) lie in memory; spacing in m. Whole or not at all.

    Every map of the field as float32, `support` as uint8; `facet` int16 where `labels` has the field's shape,
    `lattice_parameter_m` float32 where its ratio to the spacing is known.
    """
    shape = strain.support.shape
    volumes = _volumes(strain, labels, lattice_per_spacing)
    arrays, offset = [], 0
    for name, volume in volumes.items():
        kind = TYPES[volume.dtype.str]
        arrays.append(f'<DataArray type="{kind}" Name="{name}" format="appended" offset="{offset}"/>')
        offset += 8 + volume.nbytes
    extent = f"0 {shape[2] - 1} 0 {shape[1] - 1} 0 {shape[0] - 1}"
    spacing = " ".join([repr(float(strain.voxel_size_m))] * 3)
    with written_whole(path) as part, part.open("wb") as file:
        file.write(HEADER.format(extent=extent, spacing=spacing, arrays="\n".join(arrays)).encode())
        for volume in volumes.values():
            file.write(volume.nbytes.to_bytes(8, "little"))
            file.write(volume.data)
        file.write(b"\n</AppendedData></VTKFile>\n")
    return path


def _volumes(
    strain: StrainField, labels: NDArray[np.int16] | None, lattice_per_spacing: float | None
) -> dict[str, NDArray[Any]]:
    volumes: dict[str, NDArray[Any]] = {name: np.ascontiguousarray(getattr(strain, name), "<f4") for name in FLOATS}
    volumes["support"] = np.ascontiguousarray(strain.support, "|u1")
    if lattice_per_spacing is not None:
        volumes["lattice_parameter_m"] = volumes["d_spacing_m"] * np.float32(lattice_per_spacing)
    if labels is not None and labels.shape == strain.support.shape:
        volumes["facet"] = np.ascontiguousarray(labels, "<i2")
    return volumes
