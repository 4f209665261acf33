"""A trained network with what it knows of its own limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.learned.range import KnownRange


@dataclass(frozen=True)
class Model:
    """Weights of one task, ready for use; `sha256` of the file that they came from."""

    name: str
    version: int
    sha256: str
    network: torch.nn.Module
    known_range: KnownRange
    features: Callable[[torch.Tensor], NDArray[np.float64]]

    @property
    def told(self) -> str:
        """For provenance: name, version, hash."""
        return f"{self.name} {self.version} sha256:{self.sha256[:12]}"

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """The network's answer to (n, channels, ...) float32, without gradients. BadInput for what is no number."""
        if not bool(torch.isfinite(inputs).all()):
            raise BadInput(f"{self.name}: the input holds NaN or infinity; the model stands back")
        with torch.inference_mode():
            answer: torch.Tensor = self.network(inputs)
        return answer

    def outside(self, inputs: torch.Tensor) -> float:
        """How far the worst of `inputs` is from what the model was trained on; above 1 it should stand back."""
        return float(self.known_range.score(self.features(inputs)).max())
