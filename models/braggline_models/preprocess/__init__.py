"""From a rocking curve to the volume that phase retrieval works on: clean, find the peak, crop, bin."""

from braggline_models.preprocess.beam import beam_factors, frame_factors
from braggline_models.preprocess.cleaning import STEPS, Step, checked_steps, cleaned
from braggline_models.preprocess.hot_pixels import hot_pixels
from braggline_models.preprocess.normalise import normalised
from braggline_models.preprocess.options import ALL_STEPS, Background, PrepareOptions
from braggline_models.preprocess.peak import BraggPeak, find_peak, frame_counts
from braggline_models.preprocess.prepare import prepare
from braggline_models.preprocess.scene import Finding, Scene

__all__ = [
    "ALL_STEPS",
    "STEPS",
    "Background",
    "BraggPeak",
    "Finding",
    "PrepareOptions",
    "Scene",
    "Step",
    "beam_factors",
    "checked_steps",
    "cleaned",
    "find_peak",
    "frame_counts",
    "frame_factors",
    "hot_pixels",
    "normalised",
    "prepare",
]
