"""Everything that is known of one scan when its job is done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braggline_models.results import DefectReport, Provenance, Recommendation, Reconstruction, StrainField
from braggline_models.scan import PreparedVolume


@dataclass(frozen=True)
class ScanResult:
    """What goes into file, report and JSON.

    rocking_curve, rocking_angle_deg  (n_frames,) counts and position of the scanned circle
    monitor  (n_frames,) or None
    frames_missing  announced or acquired, and never seen;  aborted  the scan ended before its last frame
    """

    name: str
    rocking_curve: NDArray[np.float64]
    rocking_angle_deg: NDArray[np.float64]
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
