"""Four weak scans of one crystal, each elsewhere, against one of them and against the truth."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from braggline_models.scan import RockingCurve
from braggline_service.recipes import load_recipe
from braggline_service.settings import load_settings
from braggline_service.stages.result import run_curve

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
from known_crystal import agreement
from shifted_scans import Crystal

pytestmark = pytest.mark.slow
PHOTONS = 3e5


def test_added_scans_come_nearer_to_the_truth_than_one() -> None:
    crystal = Crystal(1, phase_range_rad=1.5)
    shifts = ((0, 0, 0), (3, -5, 7), (-4, 2, -9), (1, 0, 12))
    scans = [crystal.scan(f"scan_{k}", PHOTONS, shift, seed=k) for k, shift in enumerate(shifts)]

    def reconstructed(first: RockingCurve, *also: RockingCurve) -> tuple[float, float, float, tuple[str, ...]]:
        result = run_curve(first, load_settings(), load_recipe(), 0, 1, also=also)
        field = result.strain
        found = agreement(field.amplitude, field.phase_rad, field.strain, field.voxel_size_m, crystal.truth)
        quality, parents = result.reconstruction.quality, result.provenance.parents
        return found.complex_correlation, found.strain_error, quality.resolution_m, parents

    correlation, error, resolution_m, _ = reconstructed(scans[0])
    better, smaller, finer_m, parents = reconstructed(*scans)
    assert parents == ("scan_0", "scan_1", "scan_2", "scan_3")
    assert better > correlation
    assert smaller < 0.8 * error
    assert finer_m < 0.85 * resolution_m
