"""A small result whose every value was chosen by hand, for file, report and board."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from braggline_models.results import (
    Defect,
    DefectReport,
    Facet,
    FacetReport,
    Provenance,
    Quality,
    Recommendation,
    Reconstruction,
    StrainField,
)
from braggline_models.scan import CleaningStep, PreparedVolume, Sample
from braggline_service.nexus import ScanResult


@pytest.fixture
def scan_result() -> ScanResult:
    """A ball with a strain that grows along x, values chosen by hand."""
    z, y, x = np.indices((12, 14, 16)) - np.array([6, 7, 8]).reshape(3, 1, 1, 1)
    support = z**2 + y**2 + x**2 < 20
    inside = lambda values: np.where(support, values, np.nan).astype(np.float32)  # noqa: E731
    strain = StrainField(
        amplitude=support.astype(np.float32), phase_rad=inside(0.1 * x), displacement_m=inside(1e-12 * x),
        strain=inside(1e-4 * x), uncertainty=inside(np.full(x.shape, 1e-5)), d_spacing_m=inside(2.3e-10 + 1e-14 * x),
        support=support, voxel_size_m=5e-9, q_bragg_per_m=np.array([0.0, 0.0, 2.7e10]),
    )  # fmt: skip
    quality = Quality(
        1.1,
        1.2,
        0.98,
        0.95,
        np.linspace(1, 0, 9),
        np.linspace(0, 1e8, 9),
        1.2e-8,
        3,
        5,
        ("twin",),
        0.93,
        np.linspace(1, 0, 9),
    )
    reconstruction = Reconstruction(
        (support * np.exp(0.1j * x)).astype(np.complex64), support, np.zeros((0, *support.shape), np.complex64),
        quality, {"runs": 5, "schedule": "ER**10"}, 7, 410, True,
    )  # fmt: skip
    volume = PreparedVolume(
        "scan", np.full(support.shape, 3, np.float32), ~support, (0, 4, 5), (1, 1, 1), (6.0, 11.0, 12.5),
        np.array([0.0, 0.0, 2.7e10]), np.eye(3) * 1e6, (CleaningStep("hot", 2, 99.0),), ("noisy",), 12, 11,
        9000.0, np.diag([1.0, -1.0, -1.0]), 0.002,
    )  # fmt: skip
    line = Defect("screw", np.ones((4, 3)) * 1e-8, (0.0, 0.0, 1.0), 1.0, 0.8)
    plane = Defect("stacking_fault", np.ones((5, 3)) * 2e-8, (1.0, 0.0, 0.0), 1 / 3, 0.6)
    defects = DefectReport((line,), True, (plane,))
    advice = Recommendation("rescan", {"range_deg": 1.0}, "reason", "gain", 0.7, 600.0, ("points",), {"a": 1.0})
    return ScanResult(
        "scan", np.arange(12.0), np.linspace(15, 16, 12), volume, reconstruction, strain, defects, advice,
        Provenance("braggline", "0", "abc", 7, ("in.h5::1.1",)), 1, ("é, a flag",), 3.5, False, np.ones(12),
        Sample("Pt", (1, 1, 1), (1, -1, 0)), {"lab": replace(strain, frame="lab", flags=("turned",))}, _facets(support),
        {
            "surface": {"voxels": 30.0, "strain_mean": 2e-4, "displacement_std_m": 3e-12},
            "all": {"voxels": 89.0, "d_spacing_mean_m": 2.3e-10},
        },
    )  # fmt: skip


def _facets(support: np.ndarray) -> FacetReport:
    top = Facet((0.0, 0.0, 1.0), (4e-8, 3e-8, 4e-8), 6e-16, 12, (1, 1, 1), 2.5, 1.5e-4, 2e-5, 4e-12, 1e-12)
    side = Facet((1.0, 0.0, 0.0), (3e-8, 3e-8, 6e-8), 5e-16, 9, (0, 0, 0), float("nan"), -1e-4, 3e-5, -4e-12, 2e-12)
    labels = np.zeros(support.shape, np.int16)
    labels[9:][support[9:]] = 1
    labels[:, :, 11:][support[:, :, 11:]] = 2
    return FacetReport((top, side), np.eye(3), "given", labels, True)
