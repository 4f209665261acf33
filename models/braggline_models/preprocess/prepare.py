"""A rocking curve made ready for phase retrieval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.geometry import bragg_geometry, placed
from braggline_models.preprocess.cleaning import cleaned
from braggline_models.preprocess.cut import binned, cut, frames_to_bin, without_background
from braggline_models.preprocess.normalise import FrameFactors, frame_factors, normalised, nothing_to_do
from braggline_models.preprocess.options import PrepareOptions
from braggline_models.preprocess.peak import peak_of
from braggline_models.preprocess.scene import Scene
from braggline_models.preprocess.spurious import NAME, filled
from braggline_models.preprocess.window import fast_length, oversampling, signal_extent_px
from braggline_models.scan import BoolArray, PreparedVolume, RockingCurve

FEWEST_FRAMES = 5  # fewer are no volume


def prepare(curve: RockingCurve, options: PrepareOptions | None = None) -> PreparedVolume:
    """Clean, find the peak, cut the window about it, bin frames that are finer than they need be.

    Frames that are not measured stay in the volume as unknown voxels, so that it has its final shape from the
    first frame on. Raises BadInput where there is nothing to phase.
    """
    options = options or PrepareOptions()
    used = int(np.count_nonzero(curve.measured))
    if len(curve.intensity) < FEWEST_FRAMES:
        raise BadInput(f"{curve.name}: {len(curve.intensity)} frame(s); a volume needs at least {FEWEST_FRAMES}")
    if used == 0:
        raise BadInput(f"{curve.name}: no frame was measured; start the scan again")
    scene = cleaned(curve, options)
    beam = frame_factors(curve) if options.normalise else FrameFactors(np.ones(len(curve.measured)))
    peak = peak_of(scene, beam.factors)
    sides = _window(scene, (peak.center_px[1], peak.center_px[2]), options)
    start = _start(curve, peak.center_px, sides)
    intensity, mask = cut(scene, start, sides)
    scene, intensity, mask = _filled(scene, intensity, mask, start, peak.center_px, options)
    if options.normalise:
        intensity, mask = _normalised(curve, intensity, mask, start, beam)
    intensity, removed = without_background(scene, intensity, start, options.background_counts)
    bins = options.bin_frames or frames_to_bin(intensity, mask)
    intensity, mask = binned(intensity, mask, bins)
    q_bragg, q_step = bragg_geometry(curve, peak.center_px)
    volume = PreparedVolume(
        name=curve.name,
        intensity=intensity,
        mask=mask,
        crop_start_px=start,
        binning=(bins, 1, 1),
        peak_px=peak.center_px,
        q_bragg_per_m=q_bragg,
        q_step_per_m=q_step * np.array([bins, 1, 1]),
        cleaning=(*scene.steps, *beam.steps, removed),
        flags=(*curve.flags, *scene.flags),
        frames_expected=len(curve.intensity),
        frames_used=used,
    )
    volume = placed(volume, curve)
    return replace(volume, flags=(*volume.flags, *_suspicions(volume)))


def _filled(
    scene: Scene,
    intensity: NDArray[np.float32],
    mask: BoolArray,
    start: tuple[int, int, int],
    center: tuple[float, float, float],
    options: PrepareOptions,
) -> tuple[Scene, NDArray[np.float32], BoolArray]:
    """`filled`, where it is wanted; the scene keeps the record."""
    if not options.fill_gaps or NAME not in options.models:
        return scene, intensity, mask
    intensity, mask, step, flags = filled(scene, intensity, mask, start, center, options.models[NAME])
    return replace(scene, steps=(*scene.steps, step), flags=(*scene.flags, *flags)), intensity, mask


def _normalised(
    curve: RockingCurve,
    intensity: NDArray[np.float32],
    mask: BoolArray,
    start: tuple[int, int, int],
    beam: FrameFactors,
) -> tuple[NDArray[np.float32], BoolArray]:
    """`normalised` of the window that begins at the raw voxel `start`."""
    factors = beam.factors[start[0] : start[0] + len(intensity)]
    if nothing_to_do(curve.corrections, factors, curve.exposure_s):
        return intensity, mask
    corrections = curve.corrections.cropped(start[1], start[2], intensity.shape[1:])
    return normalised(intensity, mask, corrections, factors, curve.exposure_s)


def _window(scene: Scene, center: tuple[float, float], options: PrepareOptions) -> tuple[int, int]:
    sides = signal_extent_px(scene.image, center, options.largest_px)
    rows, columns = (max(side, least) for side, least in zip(sides, options.at_least_px, strict=True))
    return min(rows, scene.bad.shape[0]), min(columns, scene.bad.shape[1])


def _start(curve: RockingCurve, center: tuple[float, float, float], sides: tuple[int, int]) -> tuple[int, int, int]:
    """First raw frame, row and column of the window; it stays inside the detector."""
    n_frames, n_rows, n_columns = curve.intensity.shape
    length = fast_length(n_frames, n_frames)
    frame = 0 if center[0] < n_frames / 2 else n_frames - length
    row = min(max(round(center[1]) - sides[0] // 2, 0), n_rows - sides[0])
    column = min(max(round(center[2]) - sides[1] // 2, 0), n_columns - sides[1])
    return frame, row, column


def _suspicions(volume: PreparedVolume) -> list[str]:
    flags = []
    if volume.frames_used == volume.frames_expected:
        ratio = min(oversampling(volume.intensity))
        if ratio < 2.0:
            flags.append(f"undersampled: oversampling ratio {ratio:.1f}, phase retrieval needs 2")
        edge = min(volume.peak_px[0], volume.frames_expected - 1 - volume.peak_px[0])
        if edge < 0.1 * volume.frames_expected:
            flags.append("the Bragg peak is near the end of the scan: center the scan on it")
    return flags
