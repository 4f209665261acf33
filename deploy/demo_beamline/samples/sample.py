"""What stands in the beam: a sample answers with the frame that the detector sees for given motor positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from demo_beamline.samples.detectors import DetectorModel

Frame = NDArray[np.uint32]


@dataclass(frozen=True)
class SuggestedScan:
    """`ascan motor start stop intervals count_time`: the rocking curve of the sample."""

    motor: str
    start: float
    stop: float
    intervals: int
    count_time_s: float = 0.1


class Sample(Protocol):
    """home: every motor of the beamline at the Bragg peak (deg, um, keV or eV, as its name's convention says)."""

    @property
    def name(self) -> str: ...
    @property
    def beamline(self) -> str: ...
    @property
    def energy_eV(self) -> float: ...
    @property
    def home(self) -> Mapping[str, float]: ...
    @property
    def scan(self) -> SuggestedScan: ...
    @property
    def detector(self) -> DetectorModel: ...

    def frame(self, positions: Mapping[str, float], exposure_s: float, index: int) -> Frame:
        """Counts (rows, columns) of the whole detector; the same arguments give the same counts."""
