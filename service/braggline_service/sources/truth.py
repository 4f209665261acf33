"""What a simulated scan was made from, beside it as NAME.truth.npz."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from braggline_models.simulate import PlantedDefect, ScanTruth
from braggline_service.nexus import written_whole

MASKS = ("hot", "dead", "zinger", "alien", "saturated")


def truth_path(scan: Path) -> Path:
    """Where the truth of a scan lies."""
    return scan.with_suffix(".truth.npz")


def write_truth(path: Path, truth: ScanTruth) -> Path:
    """Whole or not at all. Arrays, and what has names as JSON text:

    object complex64 (frame, row, column), phase +Q.u;  vectors_m (3, 3) its steps, columns, in the sample frame
    q_step_per_m, q_bragg_per_m  of the counts;  axes (3, 3) columns are the crystal's [100], [010], [001]
    crop_start_px  frame, row and column at which the window of the object's counts begins
    hot, dead (n, 2) row, column;  zinger, alien, saturated (n, 3) frame, row, column
    flux, monitor, illumination, offset_steps (n_frames,);  crystal, defects  JSON
    """
    seen, volume = truth.seen, truth.volume
    crystal = {"material": truth.material, "reflection": truth.reflection}
    with written_whole(path) as part, part.open("wb") as file:
        where: dict[str, Any] = {name: np.argwhere(getattr(seen, name)) for name in MASKS}
        arrays: dict[str, Any] = {
            "object": truth.object_,
            "crop_start_px": volume.crop_start_px,
            "q_step_per_m": volume.q_step_per_m,
            "q_bragg_per_m": volume.q_bragg_per_m,
            "vectors_m": truth.vectors_m,
            "axes": truth.axes,
            "crystal": json.dumps(crystal),
            "defects": json.dumps([defect_as_json(defect) for defect in truth.defects]),
            "flux": seen.beam.flux,
            "monitor": seen.beam.monitor,
            "illumination": seen.beam.illumination,
            "offset_steps": seen.beam.offset_steps,
        }
        np.savez_compressed(file, **arrays, **where)
    return path


def defect_as_json(defect: PlantedDefect) -> dict[str, Any]:
    """Numbers and lists; a thickness without end is null."""
    return {
        "kind": defect.kind,
        "visible": defect.visible,
        "g_dot_b": defect.g_dot_b,
        "point": defect.point.tolist(),
        "direction": defect.direction.tolist(),
        "burgers": defect.burgers.tolist(),
        "plane": defect.plane.tolist(),
        "thickness": defect.thickness if np.isfinite(defect.thickness) else None,
    }
