"""The maps as VTK image data, for ParaView."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from braggline_models.results import StrainField
from braggline_service.nexus.atomic import written_whole

FIELDS = ("strain", "amplitude", "phase_rad", "displacement_m", "uncertainty", "d_spacing_m")
HEADER = """<?xml version="1.0"?>
<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64">
<ImageData WholeExtent="{extent}" Origin="0 0 0" Spacing="{spacing}">
<Piece Extent="{extent}"><PointData Scalars="strain">
{arrays}
</PointData></Piece></ImageData>
<AppendedData encoding="raw">
_"""


def write_vti(path: Path, strain: StrainField) -> Path:
    """Point data x fastest, as the maps' (z, y, x) lie in memory; spacing in m. Whole or not at all."""
    shape = strain.support.shape
    blocks = [np.ascontiguousarray(getattr(strain, name), "<f4").tobytes() for name in FIELDS]
    arrays, offset = [], 0
    for name, block in zip(FIELDS, blocks, strict=True):
        arrays.append(f'<DataArray type="Float32" Name="{name}" format="appended" offset="{offset}"/>')
        offset += 8 + len(block)
    extent = f"0 {shape[2] - 1} 0 {shape[1] - 1} 0 {shape[0] - 1}"
    spacing = " ".join([repr(float(strain.voxel_size_m))] * 3)
    with written_whole(path) as part, part.open("wb") as file:
        file.write(HEADER.format(extent=extent, spacing=spacing, arrays="\n".join(arrays)).encode())
        for block in blocks:
            file.write(len(block).to_bytes(8, "little"))
            file.write(block)
        file.write(b"\n</AppendedData></VTKFile>\n")
    return path
