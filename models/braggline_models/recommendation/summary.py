"""What the advice is drawn from, in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.results import Reconstruction
from braggline_models.scan import FloatArray, PreparedVolume, RockingCurve, Vector

NOT_KNOWN = float("nan")


@dataclass(frozen=True)
class ScanSummary:
    """One scan as the advisor sees it.

    angle_deg, counts_per_frame  (n,) of the measured frames, in the order of the angle; counts inside the window
    step_deg         of one frame
    unit             of what is called deg here: 'eV' for an energy scan
    oversampling     measured fringe spacing in frames, rows and columns: N / extent of the support; 2 is needed
    resolution_m     half period up to which the phases agree (PRTF); NaN: not known
    edge_m           half period at the edge of what was recorded, along frame, row and column; NaN: not known
    peak_counts      highest raw pixel of one frame; saturation_counts: where the detector stops counting
    complete         every frame that was asked for is there
    """

    name: str
    angle_deg: FloatArray
    counts_per_frame: FloatArray
    step_deg: float
    exposure_s: float
    peak_counts: float
    saturation_counts: float = float("inf")
    oversampling: Vector = (NOT_KNOWN, NOT_KNOWN, NOT_KNOWN)
    resolution_m: float = NOT_KNOWN
    edge_m: Vector = (NOT_KNOWN, NOT_KNOWN, NOT_KNOWN)
    agreement: float = NOT_KNOWN
    frames_expected: int = 0
    complete: bool = True
    unit: str = "deg"

    def __post_init__(self) -> None:
        if np.ndim(self.angle_deg) != 1 or np.shape(self.angle_deg) != np.shape(self.counts_per_frame):
            shapes = f"{np.shape(self.angle_deg)} and {np.shape(self.counts_per_frame)}"
            raise BadInput(f"{self.name}: angles and counts have shapes {shapes}; each frame needs one of both")

    @property
    def range_deg(self) -> float:
        return float(np.ptp(self.angle_deg)) if len(self.angle_deg) else 0.0


def summarise(curve: RockingCurve, volume: PreparedVolume, reconstruction: Reconstruction | None = None) -> ScanSummary:
    """The summary of a reconstructed scan; without `reconstruction` sampling and resolution stay unknown."""
    rows, columns = _window(volume)
    keep = ~curve.mask[rows, columns]
    used = np.flatnonzero(curve.measured)
    angle = curve.scanned_positions[used]
    frames = (np.where(keep, curve.intensity[i, rows, columns], 0) for i in used)
    totals = _in_steady_beam(np.array([float(frame.sum(dtype=np.float64)) for frame in frames]), used, volume)
    angle, totals = angle[np.isfinite(totals)], totals[np.isfinite(totals)]
    order = np.argsort(angle, kind="stable")
    return ScanSummary(
        name=curve.name,
        angle_deg=angle[order],
        counts_per_frame=totals[order],
        step_deg=float(np.median(np.diff(angle[order]))) if len(used) > 1 else NOT_KNOWN,
        exposure_s=curve.exposure_s if curve.exposure_s else NOT_KNOWN,
        peak_counts=_peak_counts(curve, volume),
        saturation_counts=curve.detector.saturation_counts,
        oversampling=_oversampling(volume, reconstruction),
        resolution_m=reconstruction.quality.resolution_m if reconstruction else NOT_KNOWN,
        edge_m=_edge_m(volume, len(used)),
        agreement=reconstruction.quality.agreement if reconstruction else NOT_KNOWN,
        frames_expected=len(curve.measured),
        complete=bool(curve.measured.all()),
        unit=curve.scanned_unit,
    )


def _in_steady_beam(totals: FloatArray, used: NDArray[np.intp], volume: PreparedVolume) -> FloatArray:
    """Counts of the frames `used`, as many in all, as they would be in a steady beam; NaN where that is not known."""
    if not len(volume.frame_factors):
        return totals
    even = totals * volume.frame_factors[used]
    known = np.isfinite(even)
    return np.asarray(even * (totals[known].sum() / max(float(even[known].sum()), 1.0)))


def _window(volume: PreparedVolume) -> tuple[slice, slice]:
    def one(axis: int) -> slice:
        start = volume.crop_start_px[axis]
        return slice(max(start, 0), start + volume.intensity.shape[axis] * volume.binning[axis])

    return one(1), one(2)


def _peak_counts(curve: RockingCurve, volume: PreparedVolume) -> float:
    """The highest raw pixel of the brightest voxel: hot pixels are masked in the volume, not in the raw frames."""
    voxel = np.unravel_index(int(np.argmax(volume.intensity)), volume.intensity.shape)
    first = [s + int(v) * b for s, v, b in zip(volume.crop_start_px, voxel, volume.binning, strict=True)]
    block = curve.intensity[tuple(slice(max(f, 0), f + b) for f, b in zip(first, volume.binning, strict=True))]
    return float(block.max()) if block.size else 0.0


def _oversampling(volume: PreparedVolume, reconstruction: Reconstruction | None) -> Vector:
    """sigma_k = N_k / extent_k of the support, in raw frames and pixels: the fringe spacing."""
    if reconstruction is None or not reconstruction.support.any():
        return (NOT_KNOWN, NOT_KNOWN, NOT_KNOWN)
    support = reconstruction.support

    def one(axis: int) -> float:
        extent = int(np.count_nonzero(support.any(axis=tuple(a for a in range(3) if a != axis))))
        return support.shape[axis] / extent * volume.binning[axis]

    return (one(0), one(1), one(2))


def _edge_m(volume: PreparedVolume, frames_used: int) -> Vector:
    """pi / (N_k |dq_k| / 2): the half period at the edge of the recorded range."""
    shape = volume.intensity.shape
    counts = (min(shape[0], frames_used / volume.binning[0]), shape[1], shape[2])
    steps = np.linalg.norm(volume.q_step_per_m, axis=0)
    return tuple(float(2 * np.pi / (n * dq)) for n, dq in zip(counts, steps, strict=True))  # type: ignore[return-value]
