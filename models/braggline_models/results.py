"""What phase retrieval and everything after it hand over.

Signs: the scattered amplitude is sum of rho exp(-i q.(r + u)), q = k_out - k_in; phase = +Q.u,
displacement = u.Q/|Q|, strain = its derivative along Q.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from braggline_models.scan import BoolArray, Vector

Volume = NDArray[np.float32]


@dataclass(frozen=True)
class Provenance:
    """Who made a result, from what: enough to make it again."""

    program: str
    version: str
    recipe_hash: str
    seed: int
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quality:
    """How far a reconstruction can be trusted. Resolution is the half period."""

    llk: float
    free_llk: float
    agreement: float  # mean correlation of the kept runs with the merged object, 0..1
    mode_weight: float  # share of the first eigenmode among the kept runs, 0..1
    prtf: NDArray[np.float64]  # phase retrieval transfer function, one value a shell
    prtf_q_per_m: NDArray[np.float64]
    resolution_m: float
    runs_kept: int
    runs_total: int
    flags: tuple[str, ...] = ()
    pairwise: float = float("nan")  # the smallest correlation between two of the kept runs
    fsc: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))  # of two halves of the kept runs, as prtf


@dataclass(frozen=True)
class Reconstruction:
    """A complex object in the detector's own (skewed) frame.

    object_   complex64 (frame, row, column), phase = +Q.u; its centre is at shape // 2, and
              |FFT(conj(object_))|^2, centred, is the intensity of the prepared volume
    support   the same shape, bool
    runs      complex64 (runs_kept, ...) the kept runs, aligned to object_; may be empty for a preview
    """

    object_: NDArray[np.complex64]
    support: BoolArray
    runs: NDArray[np.complex64]
    quality: Quality
    recipe: Mapping[str, object]
    seed: int
    iterations: int
    final: bool


@dataclass(frozen=True)
class StrainField:
    """Maps on a cubic grid, axes (z, y, x) ascending in the named frame; outside the support everything is NaN
    but the amplitude.

    amplitude 1, phase_rad, displacement_m, strain (no unit), uncertainty (of the strain), d_spacing_m: float32
    q_m   (3,) |Q| and its direction: q_bragg in the frame's (x, y, z), 1/m
    """

    amplitude: Volume
    phase_rad: Volume
    displacement_m: Volume
    strain: Volume
    uncertainty: Volume
    d_spacing_m: Volume
    support: BoolArray
    voxel_size_m: float
    q_bragg_per_m: NDArray[np.float64]
    frame: str = "sample"
    flags: tuple[str, ...] = ()

    @property
    def strain_rms(self) -> float:
        """Root mean square of the strain over the support (NaN if the support is empty)."""
        values = self.strain[self.support & np.isfinite(self.strain)]
        return float(np.sqrt(np.mean(np.square(values, dtype=np.float64)))) if values.size else float("nan")


@dataclass(frozen=True)
class Defect:
    """One line or plane that breaks the lattice."""

    kind: str
    position_m: NDArray[np.float64]  # (n, 3) as z, y, x from voxel 0 of the sample frame
    direction: Vector
    g_dot_b: float
    confidence: float


@dataclass(frozen=True)
class DefectReport:
    """The defects of one crystal; empty where none was looked for, and `searched` says which.

    planes  stacking faults and twins: position_m are points of the plane, direction its normal, g_dot_b the turns of
            the phase across it
    """

    lines: tuple[Defect, ...] = ()
    searched: bool = False
    planes: tuple[Defect, ...] = ()


@dataclass(frozen=True)
class Facet:
    """One flat face of a crystal, in the frame of its strain field.

    normal (x, y, z) unit, outward;  center_m  z, y, x from voxel 0;  voxels  of the surface that belong to it
    hkl of the nearest low-index plane and the angle to it; (0, 0, 0) and NaN where the crystal's axes are not known
    """

    normal: Vector
    center_m: Vector
    area_m2: float
    voxels: int
    hkl: tuple[int, int, int]
    misfit_deg: float
    strain_mean: float
    strain_std: float
    displacement_mean_m: float
    displacement_std_m: float


@dataclass(frozen=True)
class FacetReport:
    """The faces of one crystal, largest first, and its axes where they are known.

    axes        (3, 3), columns are [100], [010], [001] in the frame's (x, y, z); None where not known
    axes_from   'given' (an in-plane direction), 'facets' (the turn about Q that suits the faces best) or ''
    labels      int16 of the field's shape: 1 + index of the facet that a surface voxel belongs to, 0 elsewhere
    """

    facets: tuple[Facet, ...] = ()
    axes: NDArray[np.float64] | None = None
    axes_from: str = ""
    labels: NDArray[np.int16] = field(default_factory=lambda: np.zeros((0, 0, 0), np.int16))
    searched: bool = False


@dataclass(frozen=True)
class Recommendation:
    """What to measure next. `parameters` hold the unit in their names: range_deg, step_deg, exposure_s, ..."""

    action: str
    parameters: Mapping[str, float]
    reason: str
    expected_gain: str
    confidence: float
    expires_after_s: float
    limits_hit: tuple[str, ...] = ()
    details: Mapping[str, float] = field(default_factory=dict)
