"""A rocking curve at ID01 of a crystal with a dislocation whose kind is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from known_crystal import BRAGG_DEG

from braggline_models.geometry import voxel_vectors_m
from braggline_models.scan import RockingCurve
from braggline_models.simulate import expected_counts, photon_counts, simulate_curve
from braggline_models.simulate.elastic import POISSON_RATIO, displacement
from braggline_models.simulate.slip import fitting_systems
from braggline_service.beamlines import load_beamline

WINDOW_PX, FRAMES, STEP_DEG, SIZE_m = 64, 64, 0.012, 260e-9


def dislocated(kind: str, seed: int) -> tuple[RockingCurve, np.ndarray]:
    """Pt (111) with a dislocation of that kind through its middle; and the unit direction of its line."""
    beamline = load_beamline("id01")
    detector, mask = beamline.detector("maxipix")
    curve, truth = simulate_curve(
        beamline.diffractometer, detector, np.zeros_like(mask), BRAGG_DEG, "eta", STEP_DEG, FRAMES, 9000.0, SIZE_m,
        1.0, 1e7, seed, window_px=WINDOW_PX,
    )  # fmt: skip
    hkl = (1, 1, 1)
    system = fitting_systems(kind, True, hkl)[0]
    q = truth.volume.q_bragg_per_m / np.linalg.norm(truth.volume.q_bragg_per_m)
    axes = _axes(q)
    shape = truth.object_.shape
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij"), axis=-1)
    points = index @ voxel_vectors_m(truth.volume.q_step_per_m, shape).T + 1e-10
    u = displacement(points, axes @ system.line, axes @ system.burgers, POISSON_RATIO["Pt"], SIZE_m)
    object_ = truth.object_ * np.exp(2j * np.pi * u @ (axes @ np.array(hkl, float)))
    counts = photon_counts(expected_counts(object_.astype(np.complex64), 1e7), np.random.default_rng(seed))
    _, row, column = truth.volume.crop_start_px
    frames = np.zeros_like(curve.intensity)
    frames[:, row : row + WINDOW_PX, column : column + WINDOW_PX] = counts
    return replace(curve, intensity=frames), axes @ system.line


def _axes(q: np.ndarray) -> np.ndarray:
    """Columns [100], [010], [001] with (111) along q."""
    z = np.ones(3) / np.sqrt(3)
    x = np.array([1.0, -1.0, 0.0]) / np.sqrt(2)
    here = np.linalg.svd(q[None])[2][1]
    return np.stack([here, np.cross(q, here), q], axis=1) @ np.stack([x, np.cross(z, x), z])
