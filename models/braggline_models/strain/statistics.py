"""A strain field in a few numbers, surface and bulk apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.ndimage import binary_erosion

from braggline_models.results import StrainField
from braggline_models.scan import BoolArray

SHELL_VOXELS = 2  # what apodisation touches


def surface_of(support: BoolArray) -> BoolArray:
    """The voxels of the support within SHELL_VOXELS of the outside."""
    return np.asarray(support & ~binary_erosion(support, iterations=SHELL_VOXELS))


def statistics(field: StrainField) -> Mapping[str, Mapping[str, float]]:
    """Of 'all', 'surface' and 'bulk': voxels, mean, deviation and rms of the strain, and more; NaN of no voxel.

    Strain has no unit, displacement and lattice spacing are in m.
    """
    surface = surface_of(field.support)
    parts = {"all": field.support, "surface": surface, "bulk": field.support & ~surface}
    return {name: _of(field, where) for name, where in parts.items()}


def _of(field: StrainField, where: BoolArray) -> Mapping[str, float]:
    known = where & np.isfinite(field.strain)
    strain = field.strain[known].astype(np.float64)
    displacement_m = field.displacement_m[where & np.isfinite(field.displacement_m)].astype(np.float64)
    uncertainty = field.uncertainty[known & np.isfinite(field.uncertainty)]
    return {
        "voxels": float(np.count_nonzero(where)),
        "strain_mean": _mean(strain),
        "strain_std": float(strain.std()) if strain.size else float("nan"),
        "strain_rms": float(np.sqrt(_mean(strain**2))),
        "strain_uncertainty_median": float(np.median(uncertainty)) if uncertainty.size else float("nan"),
        "displacement_std_m": float(displacement_m.std()) if displacement_m.size else float("nan"),
        "d_spacing_mean_m": _mean(field.d_spacing_m[known].astype(np.float64)),
    }


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")
