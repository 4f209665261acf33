"""What a detector and a diffractometer hand over: the data types up to phase retrieval.

Axis order is always (frame, row, column). A mask is True where a voxel is NOT data. Frames of reference are
right-handed with x along the beam, y outboard, z up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput

ENERGY = "energy"  # what scanned_circle calls the energy where it moves in place of a circle
FloatArray = NDArray[np.floating]
BoolArray = NDArray[np.bool_]
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Circle:
    """One rotation: positive angles turn right-handed about `axis` (unit vector, laboratory at all angles 0)."""

    name: str
    axis: Vector


@dataclass(frozen=True)
class Diffractometer:
    """The circles of a beamline, outer to inner; rows and columns of the detector run along these at angle 0."""

    name: str
    sample_circles: tuple[Circle, ...]
    detector_circles: tuple[Circle, ...]
    row_direction: Vector
    column_direction: Vector

    @property
    def circle_names(self) -> tuple[str, ...]:
        return tuple(c.name for c in (*self.sample_circles, *self.detector_circles))


@dataclass(frozen=True)
class Detector:
    """Shape and pose of the array as it is stored: after a crop, `beam_center_px` is counted from the crop's corner."""

    name: str
    shape_px: tuple[int, int]
    pixel_size_m: tuple[float, float]
    distance_m: float
    beam_center_px: tuple[float, float]
    tilt_deg: float = 0.0
    tilt_azimuth_deg: float = 0.0
    rotation_deg: float = 0.0
    saturation_counts: float = np.inf

    def cropped(self, row: int, column: int, shape_px: tuple[int, int]) -> Detector:
        """The same detector seen through a window that starts at (row, column)."""
        center = (self.beam_center_px[0] - row, self.beam_center_px[1] - column)
        return replace(self, shape_px=shape_px, beam_center_px=center)


@dataclass(frozen=True)
class Corrections:
    """What a detector does to counts, for the array as it is stored; None: nothing known.

    flat  (n_rows, n_cols) relative efficiency of each pixel;  dark  (n_rows, n_cols) counts that a frame has without
    beam;  dead_time_s  of one pixel after a photon, during which it counts none
    """

    flat: FloatArray | None = None
    dark: FloatArray | None = None
    dead_time_s: float = 0.0

    def cropped(self, row: int, column: int, shape_px: tuple[int, int]) -> Corrections:
        """The same seen through a window that starts at (row, column)."""
        window = slice(row, row + shape_px[0]), slice(column, column + shape_px[1])
        flat, dark = (None if image is None else image[window] for image in (self.flat, self.dark))
        return replace(self, flat=flat, dark=dark)


@dataclass(frozen=True)
class RockingCurve:
    """One rocking curve, whole or still growing.

    intensity  (n_frames, n_rows, n_cols), counts, any real dtype; frames not measured hold zeros
    mask       (n_rows, n_cols) bool, True where the pixel is no data (gap, dead, hot)
    measured   (n_frames,) bool
    angles_deg every circle of the diffractometer by name, each (n_frames,) float64
    monitor    (n_frames,) or None
    corrections  of the detector, not applied to `intensity` yet;  transmission (n_frames,) of the attenuator, or None
    energies_eV  (n_frames,) where the energy is scanned in place of a circle, and None elsewhere; energy_eV: their mean
    """

    name: str
    intensity: NDArray[np.generic]
    mask: BoolArray
    measured: BoolArray
    angles_deg: Mapping[str, FloatArray]
    energy_eV: float
    detector: Detector
    diffractometer: Diffractometer
    exposure_s: float | None = None
    monitor: FloatArray | None = None
    flags: tuple[str, ...] = ()
    energies_eV: FloatArray | None = None
    corrections: Corrections = Corrections()
    transmission: FloatArray | None = None

    def __post_init__(self) -> None:
        n = len(self.intensity)
        shapes = {"intensity": (n, *self.detector.shape_px), "mask": self.detector.shape_px, "measured": (n,)}
        for name, expected in shapes.items():
            if (found := getattr(self, name).shape) != expected:
                raise BadInput(f"{self.name}: {name} has shape {found}, expected {expected}")
        for circle in self.diffractometer.circle_names:
            if circle not in self.angles_deg:
                raise BadInput(
                    f"{self.name}: no position of circle '{circle}'; give it in the file or by --set {circle}=DEG"
                )
            if (found := np.shape(self.angles_deg[circle])) != (n,):
                raise BadInput(f"{self.name}: '{circle}' has {found} positions for {n} frames; each frame needs one")
        if self.energies_eV is not None and (found := np.shape(self.energies_eV)) != (n,):
            raise BadInput(f"{self.name}: {found} energies for {n} frames; each frame needs one")

    @property
    def scanned_circle(self) -> str:
        """The sample circle that moves during the scan, or 'energy'."""
        if self.energies_eV is not None:
            return ENERGY
        span = {c.name: float(np.ptp(self.angles_deg[c.name])) for c in self.diffractometer.sample_circles}
        name = max(span, key=lambda k: span[k])
        if span[name] == 0.0:
            raise BadInput(
                f"{self.name}: no sample circle moves during the scan; a rocking scan turns one of {list(span)}"
            )
        return name

    @property
    def scanned_positions(self) -> NDArray[np.float64]:
        """(n_frames,) positions of what is scanned, in `scanned_unit`."""
        values = self.angles_deg[self.scanned_circle] if self.energies_eV is None else self.energies_eV
        return np.asarray(values, np.float64)

    @property
    def scanned_unit(self) -> str:
        """'deg', or 'eV' for an energy scan."""
        return "deg" if self.energies_eV is None else "eV"


@dataclass(frozen=True)
class Sample:
    """What is known of the crystal beforehand; all of it may be left out.

    material    symbol of an fcc metal, such as Pt; reflection  h, k, l of the Bragg peak
    in_plane    crystal direction u, v, w that points along the sample frame's x, as nearly as the reflection lets it
    """

    material: str = ""
    reflection: tuple[int, int, int] | None = None
    in_plane: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class CleaningStep:
    """What one cleaning step did, for the record."""

    name: str
    voxels: int
    counts_removed: float


@dataclass(frozen=True)
class PreparedVolume:
    """A clean, cropped, binned volume with its geometry: all that phase retrieval needs.

    intensity   (n_f, n_r, n_c) float32 counts, zero frequency at index shape // 2 (near the Bragg peak)
    mask        the same shape, True where unknown: gap, hot pixel or a frame not measured yet
    crop_start_px, binning  voxel (0, 0, 0) begins at this raw (frame, row, column), raw voxels summed per voxel
    peak_px     centre of mass of the Bragg peak in raw (frame, row, column), float
    q_bragg_per_m  (3,) q at `peak_px` in the sample frame
    q_step_per_m   (3, 3) column k: change of q in the sample frame for one step along axis k of this volume
    energy_eV, sample_to_lab  of the beam at the peak; (3, 3) turns the sample frame into the laboratory there
    linearisation_error  largest |q - linearised q| in the volume over the length of its diagonal
    frame_factors  (frames_expected,) what each raw frame was multiplied by for its beam, NaN: unknown; or (0,)
    parents  names of the scans that were added up in it
    """

    name: str
    intensity: NDArray[np.float32]
    mask: BoolArray
    crop_start_px: tuple[int, int, int]
    binning: tuple[int, int, int]
    peak_px: Vector
    q_bragg_per_m: NDArray[np.float64]
    q_step_per_m: NDArray[np.float64]
    cleaning: tuple[CleaningStep, ...] = ()
    flags: tuple[str, ...] = ()
    frames_expected: int = 0
    frames_used: int = 0
    energy_eV: float = np.nan
    sample_to_lab: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    linearisation_error: float = np.nan
    frame_factors: NDArray[np.float64] = field(default_factory=lambda: np.ones(0))
    parents: tuple[str, ...] = ()
