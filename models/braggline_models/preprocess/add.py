"""Several scans of one crystal added up: laid onto the first, judged, and summed as counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braggline_models.preprocess.likeness import shift_between, window_at
from braggline_models.preprocess.normalise import Normalised
from braggline_models.preprocess.same_kind import check_same_kind
from braggline_models.preprocess.view import Index, View
from braggline_models.scan import BoolArray, CleaningStep, Vector

LEAST_CORRELATION = 0.985  # measured, 1e5 to 1e7 photons: 0.995 and more; of crystals alike in size 0.98 at most
BLURS = 0.3  # voxel: scans that lie farther apart than this beyond whole voxels wash out the fringes


@dataclass(frozen=True)
class Fitting:
    """The scans that show the same crystal, each with the whole voxels (frame, row, column) it lies away by; the record
    of them, and flags, also of those that do not."""

    views: tuple[tuple[View, Index], ...] = ()
    steps: tuple[CleaningStep, ...] = ()
    flags: tuple[str, ...] = ()


def fitting(first: Normalised, start: Index, at: View, others: Sequence[View]) -> Fitting:
    """Each of `others` laid onto `first`, the window of `at` from raw voxel `start`.

    A scan whose logarithms of counts correlate with the first's by less than LEAST_CORRELATION shows another crystal,
    or another state of it: left out, and flagged. BadInput for one that was not measured like the first.
    """
    views: list[tuple[View, Index]] = []
    steps: list[CleaningStep] = []
    flags: list[str] = []
    for other in others:
        check_same_kind(at.curve, other.curve)
        shift, correlation = shift_between(first, start, at, other)
        whole = (round(shift[0]), round(shift[1]), round(shift[2]))
        told = f"{other.curve.name}: shifted by {_signed(shift)} frames, rows, columns"
        told += f", correlation {min(correlation, 1.0):.3f}"
        if not correlation >= LEAST_CORRELATION:
            flags.append(f"{told}, {LEAST_CORRELATION:g} is needed: another crystal or another state, left out")
            continue
        views.append((other, whole))
        steps.append(CleaningStep(f"added {told}, {other.scene.image.sum(dtype=np.float64):.3g} counts", 0, 0.0))
        if max(abs(s - w) for s, w in zip(shift, whole, strict=True)) > BLURS:
            flags.append(f"{told}: moved by whole voxels only, as counts must be; fringes are washed out a little")
        flags += [f"{other.curve.name}: {flag}" for flag in (*other.curve.flags, *other.scene.flags, *other.beam.flags)]
    return Fitting(tuple(views), tuple(steps), tuple(flags))


def added_image(at: View, found: Fitting) -> NDArray[np.float32]:
    """The sum images (n_rows, n_cols) of all, laid on the first's: what stands out in it tells the window."""
    image = at.scene.image.copy()
    for view, (_, row, column) in found.views:
        rows, columns = (slice(max(-by, 0), n - max(by, 0)) for by, n in zip((row, column), image.shape, strict=True))
        moved = view.scene.image[rows.start + row : rows.stop + row, columns.start + column : columns.stop + column]
        image[rows, columns] += moved
    return image


def added(first: Normalised, start: Index, found: Fitting) -> Normalised:
    """I = sum_k N_k sum_k e_k / sum_(k knows) e_k over the scans k in the window `first` from raw voxel `start`.

    e_k the share of scan k in the counts of what all know. Where every scan knows a voxel its counts are the plain sum,
    and stay Poisson's; where only some do, that is the most likely rate (its noise is understated by the root of the
    ratio); where none does it is unknown.
    """
    moved = [window_at(view, start, whole, first) for view, whole in found.views]
    intensity, mask = _sum([first, *moved])
    return Normalised(intensity, mask, found.steps)


def _sum(views: Sequence[Normalised]) -> tuple[NDArray[np.float32], BoolArray]:
    all_know = ~np.any([view.mask for view in views], axis=0)
    exposures = np.array([float(view.intensity[all_know].sum(dtype=np.float64)) for view in views])
    if not exposures.any():
        exposures[:] = 1.0
    counts, seen_for = np.zeros(all_know.shape, np.float32), np.zeros(all_know.shape, np.float32)
    for view, exposure in zip(views, exposures, strict=True):
        counts += np.where(view.mask, np.float32(0), view.intensity)
        seen_for += np.where(view.mask, np.float32(0), np.float32(exposure))
    unknown = seen_for <= 0
    scale = np.where(all_know | unknown, 1.0, exposures.sum() / np.where(unknown, 1.0, seen_for))
    return (counts * scale).astype(np.float32), np.asarray(unknown)


def _signed(shift: Vector) -> str:
    return ", ".join(f"{value:+.2f}" for value in shift)
