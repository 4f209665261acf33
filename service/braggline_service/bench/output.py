"""How long it takes to write down a result: the file, the volume for ParaView, the pictures, the page."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from braggline_models.results import DefectReport, Facet, FacetReport, Provenance, Quality, Reconstruction, StrainField
from braggline_models.scan import PreparedVolume, Sample
from braggline_service.nexus import ScanResult, write_result
from braggline_service.nexus.vti import write_vti
from braggline_service.report.page import page_of, pictures_of, write_report

SPACING_M, VOXEL_M = 2.266e-10, 5e-9
SEED = 1


def measure_output(result: ScanResult, folder: Path) -> dict[str, float]:
    """Wall time in s of each product of `result` in `folder`; `total` is what a job waits for: file and report."""
    path = folder / "measured.h5"
    seconds = {
        "file_and_vti": _seconds(lambda: write_result(path, result)),
        "report": _seconds(lambda: write_report(path.with_suffix(".html"), result)),
    }
    seconds["total"] = sum(seconds.values())
    seconds["of_it_vti"] = _seconds(lambda: write_vti(path.with_suffix(".vti"), result.strain))
    pictures = pictures_of(result)
    seconds["of_it_pictures"] = _seconds(lambda: pictures_of(result))
    seconds["of_it_page"] = _seconds(lambda: page_of(result, pictures))
    return seconds


def example_result(side: int = 128) -> ScanResult:
    """A final result of `side` voxels a side in three frames, with facets; the crystal fills half of each side."""
    rng = np.random.default_rng(SEED)
    z, y, x = np.indices((side,) * 3, np.float32) - side // 2
    reach = side / 4
    support = (np.abs(z) < reach) & (np.abs(x) + np.abs(y) < 1.3 * reach) & (np.abs(x - y + z) < 2 * reach)
    field = _field(support, x / reach, rng)
    object_ = (field.amplitude * np.exp(1j * np.nan_to_num(field.phase_rad))).astype(np.complex64)
    intensity = rng.poisson(1e5 / (1 + (x**2 + y**2 + z**2) ** 1.5)).astype(np.float32)
    volume = PreparedVolume(
        "example", intensity, np.zeros(support.shape, bool), (0, 0, 0), (1, 1, 1), (side / 2,) * 3,
        field.q_bragg_per_m, np.eye(3) * 2 * np.pi / (side * VOXEL_M), energy_eV=9000.0,
    )  # fmt: skip
    curve = np.linspace(1, 0, side // 2)
    quality = Quality(1.0, 1.1, 0.98, 0.96, curve, curve * 1e9, 8e-9, 5, 8, fsc=curve)
    return ScanResult(
        "example", intensity.sum(axis=(1, 2)), np.linspace(15, 16, side), volume,
        Reconstruction(object_, support, np.zeros((0, *support.shape), np.complex64), quality, {}, SEED, 500, True),
        field, DefectReport((), True), None, Provenance("braggline", "example", "example", SEED),
        sample=Sample("Pt", (1, 1, 1)), frames={name: replace(field, frame=name) for name in ("lab", "crystal")},
        facets=_facets(support, z),
    )  # fmt: skip


def _field(support: Any, along: Any, rng: np.random.Generator) -> StrainField:
    def inside(values: Any) -> Any:
        return np.where(support, values, np.nan).astype(np.float32)

    def noise(size: float) -> Any:
        return size * rng.normal(size=support.shape)

    strain, q = inside(1e-4 * np.sin(3 * along) + noise(1e-5)), 2 * np.pi / SPACING_M
    phase = np.sin(2 * along) + noise(1e-2)
    return StrainField(
        (support + np.abs(noise(0.02))).astype(np.float32), inside(phase), inside(phase / q), strain,
        inside(np.abs(noise(1e-5))), (SPACING_M * (1 + strain)).astype(np.float32), support, VOXEL_M,
        np.array([0.0, 0.0, q]),
    )  # fmt: skip


def _facets(support: Any, z: Any) -> FacetReport:
    top = Facet((0.0, 0.0, 1.0), (0.0, 0.0, 0.0), 1e-14, 400, (1, 1, 1), 1.0, 1e-5, 1e-5, 1e-12, 1e-12)
    labels = np.where(support & (np.abs(z) > np.abs(z[support]).max() - 1.5), 1 + (z > 0), 0).astype(np.int16)
    return FacetReport((top, replace(top, normal=(0.0, 0.0, -1.0))), None, "", labels, True)


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
