"""Where a voxel is: reciprocal space of the scan, direct space of the crystal."""

from braggline_models.geometry.linearised import bragg_geometry, linearisation_error, sample_to_lab, voxel_vectors_m
from braggline_models.geometry.reciprocal import q_of
from braggline_models.geometry.resample import orthogonalise
from braggline_models.geometry.rotation import rotation, rotation_product

__all__ = [
    "bragg_geometry", "linearisation_error", "orthogonalise", "q_of", "rotation", "rotation_product", "sample_to_lab",
    "voxel_vectors_m",
]  # fmt: skip
