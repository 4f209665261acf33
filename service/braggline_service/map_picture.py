"""A map with its numbered crystals, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from braggline_models.maps import Candidate, CrystalMap
from braggline_service.nexus import written_whole

PANELS = (("counts", "counts above the background"), ("row_px", "peak row (px)"), ("column_px", "peak column (px)"))
LEAST_COUNTS = 10.0  # where fewer were counted, the peak's place is noise


def draw_map(path: Path, map_: CrystalMap, crystals: Sequence[Candidate]) -> None:
    """Counts (logarithmic), row and column of the peak at each point, the crystals ringed and numbered: a PNG."""
    from matplotlib.collections import EllipseCollection
    from matplotlib.figure import Figure

    known = map_.measured & np.isfinite(map_.counts)
    x, y = 1e6 * map_.positions_m[known].T
    counts = map_.counts[known]
    canvas = Figure(figsize=(13.5, 4.6), dpi=100, layout="constrained")
    for number, (name, label) in enumerate(PANELS):
        axes = canvas.add_subplot(1, len(PANELS), number + 1)
        shown = getattr(map_, name)[known]
        values = (
            np.log10(np.maximum(shown, 1.0)) if name == "counts" else np.where(counts > LEAST_COUNTS, shown, np.nan)
        )
        drawn = axes.scatter(x, y, c=values, s=_dot(map_), marker="s", cmap="viridis", linewidths=0)
        canvas.colorbar(drawn, ax=axes, label=f"log10 {label}" if name == "counts" else label, shrink=0.8)
        if crystals:
            at = [(1e6 * c.position_m[0], 1e6 * c.position_m[1]) for c in crystals]
            wide, high = (1e6 * np.array([c.extent_m[k] for c in crystals]) for k in (0, 1))
            rings = EllipseCollection(
                wide, high, np.zeros(len(at)), units="xy", offsets=at, offset_transform=axes.transData,
                facecolors="none", edgecolors="white" if name == "counts" else "black",
            )  # fmt: skip
            axes.add_collection(rings)
            for c, place in zip(crystals, at, strict=True):
                axes.annotate(str(c.number), place, color="red", fontsize=9, ha="center", va="center")
        axes.set_xlabel(f"{map_.axes[0]} (um)")
        axes.set_ylabel(f"{map_.axes[1]} (um)")
        axes.set_aspect("equal")
    canvas.suptitle(f"{map_.name}: {len(crystals)} crystals", fontsize=11)
    with written_whole(path) as part:
        canvas.savefig(part, format="png")


def _dot(map_: CrystalMap) -> float:
    """Area of a dot in square points, so that those of a grid touch."""
    spans = np.ptp(map_.positions_m, axis=0) / np.array(map_.step_m) + 1.0
    return float((230.0 / max(spans)) ** 2)
