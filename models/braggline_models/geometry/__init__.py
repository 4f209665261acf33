"""Where a voxel is: reciprocal space of the scan, direct space of the crystal."""

from braggline_models.geometry.exact import exact_q, linearisation_error, placed
from braggline_models.geometry.lattice import check_reflection, d_spacing_m, lattice_parameter_m
from braggline_models.geometry.linearised import bragg_geometry, voxel_vectors_m
from braggline_models.geometry.reciprocal import q_of
from braggline_models.geometry.resample import orthogonalise
from braggline_models.geometry.rotation import rotation, rotation_product

__all__ = [
    "bragg_geometry", "check_reflection", "d_spacing_m", "exact_q", "lattice_parameter_m", "linearisation_error",
    "orthogonalise", "placed", "q_of", "rotation", "rotation_product", "voxel_vectors_m",
]  # fmt: skip
