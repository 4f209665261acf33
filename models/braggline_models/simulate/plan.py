"""A crystal and a scan of it, as a person asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from braggline_models.errors import BadInput
from braggline_models.geometry.lattice import Indices, allowed_in_fcc
from braggline_models.geometry.materials import material
from braggline_models.geometry.reciprocal import q_of, wavenumber_per_m
from braggline_models.scan import BoolArray, Detector, Diffractometer
from braggline_models.simulate.crystal_range import CrystalRange
from braggline_models.simulate.polyhedron import SHAPES
from braggline_models.simulate.slip import slip_systems

INVISIBLE = "invisible-"
ARM, TABLE = "delta", "eta"  # at ID01: what lifts the detector, and what turns Q by as much as it rocks


@dataclass(frozen=True)
class CrystalPlan:
    """A crystal to simulate; BadInput where there is none such.

    reflection  in the orientation that brings it onto the detector, turned about Q by chance
    shape       wulff, cut (by a substrate), octahedron, cube;  size_m  its diameter, about
    phase_range_rad  of the smooth displacement;  length, relaxation  as in CrystalRange
    defects     kinds, each planted once: screw, edge, mixed, stacking_fault, twin, or invisible-screw, ... with g.b = 0
    """

    material: str = "Pt"
    reflection: Indices = (1, 1, 1)
    shape: str = "wulff"
    size_m: float = 300e-9
    phase_range_rad: float = 2.0
    defects: tuple[str, ...] = ()
    length: tuple[float, float] = CrystalRange.length
    relaxation: tuple[float, float] = CrystalRange.relaxation

    def __post_init__(self) -> None:
        object.__setattr__(self, "material", material(self.material).name)
        if not allowed_in_fcc(self.reflection):
            hkl = " ".join(map(str, self.reflection))
            raise BadInput(f"reflection {hkl} does not exist in an fcc metal; its indices are all even or all odd")
        if self.shape not in SHAPES:
            raise BadInput(f"shape '{self.shape}' is unknown; take one of {', '.join(SHAPES)}")
        if not self.size_m > 0 or not self.phase_range_rad >= 0:
            raise BadInput(f"size {self.size_m:g} m, phase range {self.phase_range_rad:g} rad: give numbers above 0")
        for kind, _ in self.wanted:
            slip_systems(kind)

    @property
    def range_(self) -> CrystalRange:
        return replace(CrystalRange(), length=self.length, relaxation=self.relaxation)

    @property
    def wanted(self) -> tuple[tuple[str, bool], ...]:
        """(kind, visible) of each defect."""
        return tuple((text.removeprefix(INVISIBLE), not text.startswith(INVISIBLE)) for text in self.defects)


@dataclass(frozen=True)
class ScanPlan:
    """A rocking curve to simulate: every circle in deg at the peak, which lies in the middle frame.

    aim_px  row, column of the peak;  None: the middle of the detector, or of its first quarter where a gap is there
    window_px  around it, in which the crystal's counts are computed
    """

    diffractometer: Diffractometer
    detector: Detector
    mask: BoolArray
    bragg_deg: Mapping[str, float]
    rocking: str
    step_deg: float
    n_frames: int
    energy_eV: float
    window_px: int = 200
    aim_px: tuple[int, int] | None = None

    @property
    def peak_px(self) -> tuple[int, int]:
        """Row and column: aim_px, or `free_middle`."""
        return free_middle(self.mask) if self.aim_px is None else self.aim_px


def free_middle(mask: BoolArray) -> tuple[int, int]:
    """Row and column of the detector's middle, or of its first quarter's where a gap runs through the middle."""
    rows, columns = mask.shape
    return (rows // 4, columns // 4) if mask[rows // 2, columns // 2] else (rows // 2, columns // 2)


def bragg_angles_deg(
    plan: CrystalPlan,
    diffractometer: Diffractometer,
    detector: Detector,
    peak_px: tuple[float, float],
    energy_eV: float,
) -> dict[str, float]:
    """eta = theta, delta such that |q| at `peak_px` is that of the reflection, every other circle at 0.

    BadInput where the energy is too low, or the beamline has neither circle.
    """
    names = diffractometer.circle_names
    if ARM not in names or TABLE not in names:
        raise BadInput(f"'{diffractometer.name}' has no circles {TABLE} and {ARM}; give the angles of the peak")
    length = 2 * np.pi * float(np.linalg.norm(plan.reflection)) / material(plan.material).lattice_parameter_m
    sine = length / (2 * wavenumber_per_m(energy_eV))
    if sine >= 1:
        hkl = " ".join(map(str, plan.reflection))
        raise BadInput(f"{plan.material} {hkl} is out of reach at {energy_eV:g} eV; take a higher energy")
    theta = float(np.degrees(np.arcsin(sine)))
    angles = dict.fromkeys(names, 0.0) | {TABLE: theta, ARM: 2 * theta}
    for _ in range(20):  # |q| = 2 k sin(angle / 2): by steps of the arm
        found = float(np.linalg.norm(q_of(diffractometer, detector, angles, *peak_px, energy_eV)))
        step = 2 * (theta - float(np.degrees(np.arcsin(min(found / (2 * wavenumber_per_m(energy_eV)), 1.0)))))
        angles[ARM] += step
        if abs(step) < 1e-10:
            break
    return angles
