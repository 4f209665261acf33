"""The result of the scan reconstructed last, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHOWN = {
    "Stage": ("stage", "{}"),
    "Progress": ("progress", "{:.0%}"),
    "FramesUsed": ("frames", "{}"),
    "Resolution": ("resolution", "{:.3g} m (half period)"),
    "StrainRms": ("strain rms", "{:.2e}"),
    "FreeLlk": ("free LLK", "{:.4f}"),
    "VoxelSize": ("voxel", "{:.3g} m"),
    "StrainUncertainty": ("uncertainty", "{:.1e} (median)"),
    "LatticeParameter": ("lattice", "{:.6g} m"),
    "FacetCount": ("facets", "{}"),
    "DefectCount": ("defects", "{} visible in this reflection"),
    "Latency": ("latency", "{:.1f} s"),
    "ResultFile": ("file", "{}"),
}


class LastResult:
    """`last.values` holds what is known by attribute name; what is not known is absent."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = {name: value for name, value in values.items() if value is not None}

    def __info__(self) -> str:
        if not self.values:
            return "No result yet."
        rows = [(label, text.format(self.values[n])) for n, (label, text) in SHOWN.items() if n in self.values]
        return "\n".join(f"  {label:<12} {text}" for label, text in rows)
