"""From the complex object to displacement and strain."""

from braggline_models.strain.carried import carried
from braggline_models.strain.derivative import directional_derivative
from braggline_models.strain.field import MapOptions, gridded, strain_field
from braggline_models.strain.frames import SAMPLE, Frame, crystal_frame, lab_frame
from braggline_models.strain.statistics import statistics
from braggline_models.strain.unwrap import unwrapped

__all__ = [
    "SAMPLE", "Frame", "MapOptions", "carried", "crystal_frame", "directional_derivative", "gridded", "lab_frame",
    "statistics", "strain_field", "unwrapped",
]  # fmt: skip
