"""Crystals whose answer is known, and what a detector would see of them."""

from braggline_models.simulate.crystal import faceted_crystal, smooth_field
from braggline_models.simulate.curve import SimulatedTruth, simulate_curve
from braggline_models.simulate.diffraction import expected_counts, photon_counts

__all__ = ["SimulatedTruth", "expected_counts", "faceted_crystal", "photon_counts", "simulate_curve", "smooth_field"]
