"""Everything that is known of one scan when its job is done."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from braggline_models.results import (
    DefectReport,
    FacetReport,
    Provenance,
    Recommendation,
    Reconstruction,
    StrainField,
)
from braggline_models.scan import PreparedVolume, Sample


@dataclass(frozen=True)
class ScanResult:
    """What goes into file, report and JSON.

    rocking_curve, positions  (n_frames,) counts and position of what is scanned, in scanned_unit: deg, or eV
    strain   in the sample frame; frames holds the same in further ones ('lab', 'crystal'), each on its own grid
    facets   of the sample frame;  statistics  of the strain by place: 'surface', 'bulk', 'all', units in the keys
    monitor  (n_frames,) or None
    frames_missing  announced or acquired, and never seen;  aborted  the scan ended before its last frame
    """

    name: str
    rocking_curve: NDArray[np.float64]
    positions: NDArray[np.float64]
    volume: PreparedVolume
    reconstruction: Reconstruction
    strain: StrainField
    defects: DefectReport
    recommendation: Recommendation | None
    provenance: Provenance
    frames_missing: int = 0
    flags: tuple[str, ...] = ()
    elapsed_s: float = 0.0
    aborted: bool = False
    monitor: NDArray[np.floating] | None = None
    sample: Sample = field(default_factory=Sample)
    frames: Mapping[str, StrainField] = field(default_factory=dict)
    facets: FacetReport = field(default_factory=FacetReport)
    statistics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    scanned_unit: str = "deg"

    @property
    def lattice_per_spacing(self) -> float | None:
        """a/d = sqrt(h2 + k2 + l2) of a cubic crystal; None where the reflection is not known."""
        hkl = self.sample.reflection
        return math.sqrt(sum(index * index for index in hkl)) if hkl and any(hkl) else None
