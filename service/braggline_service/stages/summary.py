"""A result in numbers, as JSON can hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from braggline_models.results import Defect, Facet
from braggline_service.nexus import ScanResult
from braggline_service.plain import plain
from braggline_service.stages.result import gate_reason


def summary_values(result: ScanResult) -> Mapping[str, Any]:
    """The numbers of a result under the keys of the board and of `reconstruct --json`; None where one is not known."""
    quality, volume = result.reconstruction.quality, result.volume
    values = {
        "voxels": np.count_nonzero(result.reconstruction.support),
        "free_llk": quality.free_llk,
        "llk": quality.llk,
        "resolution_m": quality.resolution_m,
        "strain_rms": result.strain.strain_rms,
        "voxel_size_m": result.strain.voxel_size_m,
        "uncertainty_median": result.statistics.get("all", {}).get("strain_uncertainty_median"),
        "lattice_parameter_m": _lattice_parameter_m(result),
        "linearisation_error": volume.linearisation_error,
        "agreement": quality.agreement,
        "pairwise": quality.pairwise,
        "runs_kept": quality.runs_kept,
        "runs_total": quality.runs_total,
        "frames_expected": volume.frames_expected,
        "frames_used": volume.frames_used,
        "frames_missing": result.frames_missing,
        "facet_count": len(result.facets.facets),
        "facets": [_facet(facet) for facet in result.facets.facets],
        "defect_count": len(result.defects.lines) + len(result.defects.planes),
        "defects": {
            "searched": result.defects.searched,
            "lines": [_line(line) for line in result.defects.lines],
            "planes": [_plane(plane) for plane in result.defects.planes],
        },
        "statistics": result.statistics,
        "cleaning": [asdict(step) for step in volume.cleaning],
        "gate": "passed" if gate_reason(result) is None else "failed",
        "flags": result.flags,
    }
    return {key: plain(value) for key, value in values.items()}


def _lattice_parameter_m(result: ScanResult) -> float | None:
    """a = d sqrt(h^2 + k^2 + l^2), d the mean over the bulk; None where the reflection is not told."""
    ratio, spacing_m = result.lattice_per_spacing, result.statistics.get("bulk", {}).get("d_spacing_mean_m")
    return None if ratio is None or spacing_m is None else ratio * spacing_m


def _facet(facet: Facet) -> Mapping[str, Any]:
    return {
        "hkl": facet.hkl, "misfit_deg": facet.misfit_deg, "normal": facet.normal, "area_m2": facet.area_m2,
        "strain_mean": facet.strain_mean, "displacement_mean_m": facet.displacement_mean_m,
    }  # fmt: skip


def _line(line: Defect) -> Mapping[str, Any]:
    """A line by its middle and its length: the whole of it is in the file."""
    steps = np.diff(line.position_m, axis=0)
    return {
        "kind": line.kind, "middle_m": line.position_m[len(line.position_m) // 2].tolist(),
        "length_m": float(np.linalg.norm(steps, axis=1).sum()), "direction": line.direction,
        "g_dot_b": line.g_dot_b, "confidence": line.confidence,
    }  # fmt: skip


def _plane(plane: Defect) -> Mapping[str, Any]:
    """A plane by its middle and its normal."""
    return {
        "kind": plane.kind, "middle_m": np.mean(plane.position_m, axis=0).tolist(), "normal": plane.direction,
        "g_dot_b": plane.g_dot_b, "confidence": plane.confidence,
    }  # fmt: skip
