"""What a map shows, for programs and for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from braggline_models.maps import Candidate, CrystalMap

if TYPE_CHECKING:
    from braggline_service.learned.ranked import Expected

HEADER = "  no   {0:>9} {1:>9}   width x width      counts  significance   peak row, column"


def map_json(
    map_: CrystalMap, crystals: Sequence[Candidate], picture: Path | None, ranked: Sequence[Expected] = ()
) -> dict[str, Any]:
    """Fixed keys: name, axes, points, points_measured, step_m, roi_px, crystals (a Candidate each, less its points)."""
    told = [{key: value for key, value in asdict(c).items() if key != "points"} for c in crystals]
    return {
        "name": map_.name, "axes": list(map_.axes), "points": len(map_.measured),
        "points_measured": int(np.count_nonzero(map_.measured)), "step_m": list(map_.step_m),
        "roi_px": None if map_.roi_px is None else list(map_.roi_px), "crystals": told,
        "picture": None if picture is None else str(picture), "flags": list(map_.flags),
        "ranking": [asdict(e) for e in ranked],
    }  # fmt: skip


def map_lines(map_: CrystalMap, crystals: Sequence[Candidate], ranked: Sequence[Expected] = ()) -> list[str]:
    """One line a crystal, and one more for each of `ranked`, the best first."""
    first = f"{map_.name}: {len(crystals)} crystals in {int(map_.measured.sum())} points"
    lines = [first, HEADER.format(*(f"{axis}/um" for axis in map_.axes))] if crystals else [first]
    for c in crystals:
        x, y = (1e6 * v for v in c.position_m)
        wide, high = (1e9 * v for v in c.extent_m)
        edge = "" if c.whole else "   at the edge of what is measured"
        lines.append(
            f"{c.number:4d}   {x:9.3f} {y:9.3f}   {wide:5.0f} x {high:4.0f} nm {c.counts:11.4g} {c.significance:13.1f}"
            f"   {c.peak_px[0]:7.1f}, {c.peak_px[1]:.1f}{edge}"
        )
    for e in ranked:
        doubt = "   unlike what the model was trained on" if e.outside > 1 else ""
        finest = f", to {1e9 * e.resolution_m:.0f} nm" if np.isfinite(e.resolution_m) else ""
        lines.append(f"crystal {e.number}: phased with {e.probability:.0%}{finest}{doubt}")
    return lines
