"""A rocking curve made ready for phase retrieval."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.geometry import bragg_geometry
from braggline_models.preprocess.hot_pixels import hot_pixels, masked_sum
from braggline_models.preprocess.peak import find_peak
from braggline_models.preprocess.window import MOST_OVERSAMPLING, fast_length, oversampling, signal_extent_px
from braggline_models.scan import BoolArray, CleaningStep, PreparedVolume, RockingCurve

FEWEST_FRAMES = 5  # fewer are no volume


@dataclass(frozen=True)
class PrepareOptions:
    """What to keep. `background_counts`: counts up to this in one raw pixel are taken for noise and set to 0."""

    largest_px: int = 128
    background_counts: float = 0.0
    bin_frames: int | None = None  # None: chosen by the oversampling ratio
    at_least_px: tuple[int, int] = (0, 0)  # rows, columns: a window that has grown does not shrink again


def prepare(curve: RockingCurve, options: PrepareOptions | None = None) -> PreparedVolume:
    """Mask hot pixels, find the peak, cut the window about it, bin frames that are finer than they need be.

    Frames that are not measured stay in the volume as unknown voxels, so that it has its final shape from the
    first frame on. Raises BadInput where there is nothing to phase.
    """
    options = options or PrepareOptions()
    used = int(np.count_nonzero(curve.measured))
    if len(curve.intensity) < FEWEST_FRAMES:
        raise BadInput(f"{curve.name}: {len(curve.intensity)} frame(s); a volume needs at least {FEWEST_FRAMES}")
    if used == 0:
        raise BadInput(f"{curve.name}: no frame was measured; start the scan again")
    hot = hot_pixels(curve)
    peak = find_peak(curve, hot)
    bad = curve.mask | hot
    sides = _window(curve, bad, (peak.center_px[1], peak.center_px[2]), options)
    start = _start(curve, peak.center_px, sides)
    intensity, mask, removed = _cut(curve, bad, start, sides, options.background_counts)
    bins = options.bin_frames or _bin_frames(intensity, mask)
    intensity, mask = _binned(intensity, mask, bins)
    q_bragg, q_step = bragg_geometry(curve, peak.center_px)
    hot_counts = float(masked_sum(curve)[hot].sum(dtype=np.float64))
    cleaning = (CleaningStep("hot pixels", int(hot.sum()), hot_counts), removed)
    volume = PreparedVolume(
        name=curve.name,
        intensity=intensity,
        mask=mask,
        crop_start_px=start,
        binning=(bins, 1, 1),
        peak_px=peak.center_px,
        q_bragg_per_m=q_bragg,
        q_step_per_m=q_step * np.array([bins, 1, 1]),
        cleaning=cleaning,
        flags=curve.flags,
        frames_expected=len(curve.intensity),
        frames_used=used,
    )
    return replace(volume, flags=(*volume.flags, *_suspicions(volume, curve)))


def _window(
    curve: RockingCurve, bad: BoolArray, center: tuple[float, float], options: PrepareOptions
) -> tuple[int, int]:
    image = np.where(bad, np.float32(0.0), masked_sum(curve))
    sides = signal_extent_px(image, center, options.largest_px)
    rows, columns = (max(side, least) for side, least in zip(sides, options.at_least_px, strict=True))
    return min(rows, curve.mask.shape[0]), min(columns, curve.mask.shape[1])


def _start(curve: RockingCurve, center: tuple[float, float, float], sides: tuple[int, int]) -> tuple[int, int, int]:
    """First raw frame, row and column of the window; it stays inside the detector."""
    n_frames, n_rows, n_columns = curve.intensity.shape
    length = fast_length(n_frames, n_frames)
    frame = 0 if center[0] < n_frames / 2 else n_frames - length
    row = min(max(round(center[1]) - sides[0] // 2, 0), n_rows - sides[0])
    column = min(max(round(center[2]) - sides[1] // 2, 0), n_columns - sides[1])
    return frame, row, column


def _cut(
    curve: RockingCurve, bad: BoolArray, start: tuple[int, int, int], sides: tuple[int, int], background: float
) -> tuple[NDArray[np.float32], BoolArray, CleaningStep]:
    frames = slice(start[0], start[0] + fast_length(len(curve.intensity), len(curve.intensity)))
    rows, columns = slice(start[1], start[1] + sides[0]), slice(start[2], start[2] + sides[1])
    intensity = curve.intensity[frames, rows, columns].astype(np.float32)
    mask = np.zeros(intensity.shape, bool) | bad[rows, columns]
    mask |= ~curve.measured[frames, None, None]
    intensity[mask] = 0.0
    noise = (intensity > 0) & (intensity <= background)
    step = CleaningStep("background", int(noise.sum()), float(intensity[noise].sum(dtype=np.float64)))
    intensity[noise] = 0.0
    return intensity, mask, step


def _bin_frames(intensity: NDArray[np.float32], mask: BoolArray) -> int:
    """1, or 2 where the rocking step is finer than the crystal asks for; only once every frame is there."""
    unmeasured = mask.all(axis=(1, 2)).any()
    divisible = intensity.shape[0] % 4 == 0
    return 2 if divisible and not unmeasured and oversampling(intensity)[0] > MOST_OVERSAMPLING else 1


def _binned(intensity: NDArray[np.float32], mask: BoolArray, bins: int) -> tuple[NDArray[np.float32], BoolArray]:
    if bins == 1:
        return intensity, mask
    n = intensity.shape[0] // bins
    shape = (n, bins, *intensity.shape[1:])
    unknown = np.asarray(mask[: n * bins].reshape(shape).any(axis=1))
    summed = intensity[: n * bins].reshape(shape).sum(axis=1, dtype=np.float32)
    summed[unknown] = 0.0
    return summed, unknown


def _suspicions(volume: PreparedVolume, curve: RockingCurve) -> list[str]:
    flags = []
    if volume.frames_used == volume.frames_expected:
        ratio = min(oversampling(volume.intensity))
        if ratio < 2.0:
            flags.append(f"undersampled: oversampling ratio {ratio:.1f}, phase retrieval needs 2")
        edge = min(volume.peak_px[0], volume.frames_expected - 1 - volume.peak_px[0])
        if edge < 0.1 * volume.frames_expected:
            flags.append("the Bragg peak is near the end of the scan: center the scan on it")
    saturated = int(np.count_nonzero(volume.intensity >= curve.detector.saturation_counts))
    if saturated:
        flags.append(f"{saturated} saturated voxels")
    return flags
