"""A rocking curve made ready for phase retrieval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.geometry import bragg_geometry, placed
from braggline_models.preprocess.add import added, added_image, fitting
from braggline_models.preprocess.cut import binned, frames_to_bin
from braggline_models.preprocess.normalise import Normalised
from braggline_models.preprocess.options import PrepareOptions
from braggline_models.preprocess.spurious import NAME, filled
from braggline_models.preprocess.view import Index, View, view_of
from braggline_models.preprocess.window import fast_length, oversampling, signal_extent_px
from braggline_models.scan import PreparedVolume, RockingCurve, Vector

FEWEST_FRAMES = 5  # fewer are no volume


def prepare(
    curve: RockingCurve, options: PrepareOptions | None = None, also: Sequence[RockingCurve] = ()
) -> PreparedVolume:
    """Clean, find the peak, cut the window about it, normalise, bin frames that are finer than they need be.

    Frames that are not measured stay in the volume as unknown voxels, so that it has its final shape from the
    first frame on. `also`: further scans of the same crystal, laid onto `curve` and added (add.py).
    Raises BadInput where there is nothing to phase.
    """
    options = options or PrepareOptions()
    used = int(np.count_nonzero(curve.measured))
    if len(curve.intensity) < FEWEST_FRAMES:
        raise BadInput(f"{curve.name}: {len(curve.intensity)} frame(s); a volume needs at least {FEWEST_FRAMES}")
    if used == 0:
        raise BadInput(f"{curve.name}: no frame was measured; start the scan again")
    view = view_of(curve, options)
    peak, scene = view.peak, view.scene
    frames = fast_length(len(curve.intensity), len(curve.intensity))
    sides = _window(scene.image, peak.center_px, options)
    start = _start(curve, peak.center_px, sides)
    first = view.of(start, (frames, *sides))
    found = fitting(first, start, view, [view_of(other, options) for other in also])
    if found.views:  # together they show more
        sides = _window(added_image(view, found), peak.center_px, options)
        start = _start(curve, peak.center_px, sides)
        first = view.of(start, (frames, *sides))
    total, doubts = _filled(added(first, start, found), view, start, options)
    bins = options.bin_frames or frames_to_bin(total.intensity, total.mask)
    intensity, mask = binned(total.intensity, total.mask, bins)
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
        cleaning=(*first.steps, *total.steps),
        flags=(*curve.flags, *scene.flags, *view.beam.flags, *_uncorrected(curve, options), *found.flags, *doubts),
        frames_expected=len(curve.intensity),
        frames_used=used - int(np.count_nonzero(np.isnan(view.beam.factors))),
        frame_factors=view.beam.factors,
        parents=(curve.name, *(other.curve.name for other, _ in found.views)),
    )
    volume = placed(volume, curve)
    return replace(volume, flags=(*volume.flags, *_suspicions(volume)))


def _uncorrected(curve: RockingCurve, options: PrepareOptions) -> list[str]:
    if options.normalise and curve.corrections.dead_time_s > 0 and not curve.exposure_s:
        return ["the dead time is not corrected: the scan does not tell its exposure; give --set exposure_s=S"]
    return []


def _filled(total: Normalised, view: View, start: Index, options: PrepareOptions) -> tuple[Normalised, tuple[str, ...]]:
    """`filled`, where it is wanted and a model is there; flags tell where it stood back."""
    if not options.fill_gaps or NAME not in options.models:
        return total, ()
    intensity, mask, step, flags = filled(
        view.scene, total.intensity, total.mask, start, view.peak.center_px, options.models[NAME]
    )
    return Normalised(intensity, mask, (*total.steps, step)), flags


def _window(image: NDArray[np.float32], center: Vector, options: PrepareOptions) -> tuple[int, int]:
    sides = signal_extent_px(image, (center[1], center[2]), options.largest_px)
    rows, columns = (max(side, least) for side, least in zip(sides, options.at_least_px, strict=True))
    return min(rows, image.shape[0]), min(columns, image.shape[1])


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
