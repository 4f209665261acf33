"""Kinds of defects in the findings: by rule, by the learned model, and where the model stands back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from braggline_models.results import StrainField
from braggline_models.scan import Sample
from braggline_models.simulate.elastic import displacement
from braggline_models.simulate.slip import fitting_systems
from braggline_service.learned.weights import load_model
from braggline_service.stages.findings import _defects

N, VOXEL_m = 40, 4e-9
POINTS = (np.stack(np.indices((N, N, N))[::-1], axis=-1) - N // 2).astype(float)
HKL = (1, 1, 1)


def dislocated(kind: str) -> tuple[StrainField, np.ndarray]:
    """A ball with the first slip system of that kind; the crystal's axes are those of the grid."""
    system = fitting_systems(kind, True, HKL)[0]
    u = displacement(POINTS - [0.6, 0.4, -0.7], system.line, system.burgers, 0.38, 12.0)
    sharp = (np.linalg.norm(POINTS, axis=-1) < 12) * np.exp(2j * np.pi * u @ np.array(HKL, float))
    psi = (gaussian_filter(sharp.real, 0.8) + 1j * gaussian_filter(sharp.imag, 0.8)).astype(np.complex64)
    amplitude, nothing = np.abs(psi), np.zeros((0, 0, 0), np.float32)
    q = 2.8e10 * np.ones(3) / np.sqrt(3)
    field = StrainField(
        amplitude, nothing, nothing, nothing, nothing, nothing, amplitude > 0.5, VOXEL_m, q,
    )  # fmt: skip
    return field, psi


@pytest.mark.parametrize("kind", ["screw", "edge", "mixed"])
def test_the_rule_names_a_line(kind: str) -> None:
    report, flags = _defects(*dislocated(kind), Sample(reflection=HKL), {})
    assert [line.kind for line in report.lines] == [kind]
    assert flags == ()


def test_a_model_outside_its_range_stands_back() -> None:
    model = load_model("defects")
    field, psi = dislocated("screw")
    narrow = replace(model, known_range=replace(model.known_range, limit=1e-3))
    report, (flag,) = _defects(field, psi, Sample(reflection=HKL), {"defects": narrow})
    assert [line.kind for line in report.lines] == ["dislocation"]
    assert "the learned model 'defects' stands back" in flag
