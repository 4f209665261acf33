"""From a rocking curve to the volume that phase retrieval works on: clean, find the peak, crop, bin."""

from braggline_models.preprocess.hot_pixels import hot_pixels
from braggline_models.preprocess.peak import BraggPeak, find_peak, frame_counts
from braggline_models.preprocess.prepare import PrepareOptions, prepare

__all__ = ["BraggPeak", "PrepareOptions", "find_peak", "frame_counts", "hot_pixels", "prepare"]
