"""A worker's first job: everything a scan will need is imported and compiled by a crystal of a few voxels."""

from __future__ import annotations

from numpy import zeros

from braggline_models.phase_retrieval import Recipe
from braggline_models.scan import Circle, Detector, Diffractometer
from braggline_models.simulate import simulate_curve
from braggline_service.stages.pipeline import Pipeline

SIDE = 32
DIFFRACTOMETER = Diffractometer(
    "warm-up", (Circle("eta", (0, -1, 0)),), (Circle("delta", (0, -1, 0)),), (0, 0, -1), (0, 1, 0)
)


def warm_up() -> None:
    """Phase a small simulated crystal, as preview and to its end."""
    detector = Detector("warm-up", (SIDE, SIDE), (55e-6, 55e-6), 0.5, (SIDE / 2, SIDE / 2))
    curve, _ = simulate_curve(
        DIFFRACTOMETER, detector, zeros((SIDE, SIDE), bool), {"eta": 17.7, "delta": 35.4}, "eta", 0.02, SIDE, 9000.0,
        300e-9, 1.0, 1e6, 0,
    )  # fmt: skip
    recipe = Recipe(runs=2, largest_px=SIDE, schedule="RAAR**2,SW,ER**2", live="RAAR**2,SW", polish="RAAR**2,SW,ER**2")
    pipeline = Pipeline(recipe, seed=0, threads=2)
    pipeline.preview(curve, runs=2)
    for _ in pipeline.finish(curve):
        pass
