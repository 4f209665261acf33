"""From the complex object to displacement and strain."""

from braggline_models.strain.derivative import directional_derivative
from braggline_models.strain.field import strain_field
from braggline_models.strain.unwrap import unwrapped

__all__ = ["directional_derivative", "strain_field", "unwrapped"]
