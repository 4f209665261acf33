"""What a gap costs in the end: the strain after phase retrieval."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from braggline_models.phase_retrieval import Ensemble, Recipe
from braggline_models.phase_retrieval.align import aligned
from braggline_models.scan import BoolArray
from braggline_models.simulate.drawn import DrawnCrystal
from braggline_models.strain.apodise import apodised
from braggline_models.strain.derivative import directional_derivative


def strain_errors(
    crystal: DrawnCrystal, volumes: Mapping[str, tuple[NDArray[np.float32], BoolArray]], recipe: Recipe | None = None
) -> dict[str, float]:
    """rms of strain minus true strain over the rms of the true one, by name; volumes are counts and mask.

    Within the true crystal, means aside; both objects apodised as the maps are. The default recipe, seed 0.
    """
    recipe = recipe or Recipe()
    truth = _strain(crystal, crystal.object_, recipe)
    errors = {}
    for name, (counts, mask) in volumes.items():
        ensemble = Ensemble(recipe, seed=0, threads=1)
        ensemble.update(crystal.prepared(counts, mask))
        for schedule in (recipe.schedule, recipe.refine):
            list(ensemble.advance(schedule))
        found, _ = aligned(ensemble.reconstruction(final=True).object_, crystal.object_)
        off = _strain(crystal, found, recipe) - truth
        known = np.isfinite(off)
        errors[name] = float(off[known].std() / max(float(truth[known].std()), 1e-12))
    return errors


def _strain(crystal: DrawnCrystal, object_: NDArray[np.complex64], recipe: Recipe) -> NDArray[np.float64]:
    """d(phase)/ds along Q, of the object on its own skewed grid, in any unit; NaN outside the true crystal."""
    psi = apodised(object_, recipe.apodisation)
    along = np.linalg.inv(crystal.vectors_m) @ crystal.q_bragg_per_m  # steps of each axis on the way along Q
    along = along[::-1] / np.linalg.norm(along)  # `directional_derivative` counts the axes from the last
    return directional_derivative(psi, crystal.support, along, 1.0).astype(np.float64)
