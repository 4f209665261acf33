"""Several scans of one crystal added up: laid onto the first, judged, and summed as counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.preprocess.normalise import Normalised
from braggline_models.preprocess.view import Index, View
from braggline_models.scan import BoolArray, CleaningStep, RockingCurve, Vector

LEAST_CORRELATION = 0.985  # measured, 1e5 to 1e7 photons: 0.995 and more; of crystals alike in size 0.98 at most
BRIGHT = 20.0  # counts of both together: a voxel that tells the shape
FEWEST_BRIGHT = 100
BLURS = 0.3  # voxel: scans that lie farther apart than this beyond whole voxels wash out the fringes
FINER = 0.25  # voxel
MOST_STEPS = 40  # of the climb to the best whole-voxel shift
SAME_STEP, SAME_ENERGY, SAME_ANGLE_DEG, SAME_LENGTH = 0.02, 1e-4, 0.2, 1e-3


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
        shift, correlation = _shift(first, start, at, other)
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
    moved = [_window(view, start, whole, first) for view, whole in found.views]
    intensity, mask = _sum([first, *moved])
    return Normalised(intensity, mask, found.steps)


def check_same_kind(first: RockingCurve, other: RockingCurve) -> None:
    """BadInput, with both numbers, where `other` was not measured like `first`."""
    for what, a, b, tolerance in _compared(first, other):
        if abs(a - b) > tolerance:
            raise BadInput(
                f"{other.name}: {what} is {b:.6g}, that of {first.name} is {a:.6g}; only scans of one reflection with "
                "the same detector and step can be added, leave it out"
            )
    if first.detector.name != other.detector.name or first.scanned_circle != other.scanned_circle:
        raise BadInput(
            f"{other.name}: a scan of {other.scanned_circle} on {other.detector.name}, {first.name} is one of "
            f"{first.scanned_circle} on {first.detector.name}; leave it out"
        )


def _compared(first: RockingCurve, other: RockingCurve) -> list[tuple[str, float, float, float]]:
    """(what, of the first, of the other, how far they may be apart)"""
    steps = [float(np.mean(np.diff(curve.scanned_positions))) for curve in (first, other)]
    a, b = first.detector, other.detector
    rows: list[tuple[str, float, float, float]] = [
        (f"the step of {first.scanned_circle}", steps[0], steps[1], SAME_STEP * abs(steps[0])),
        ("the distance in m", a.distance_m, b.distance_m, SAME_LENGTH * a.distance_m),
        ("the pixel size in m", a.pixel_size_m[0], b.pixel_size_m[0], SAME_LENGTH * a.pixel_size_m[0]),
    ]
    if first.energies_eV is None and other.energies_eV is None:
        rows.append(("the energy in eV", first.energy_eV, other.energy_eV, SAME_ENERGY * first.energy_eV))
    for circle in first.diffractometer.circle_names:
        if circle != first.scanned_circle:
            middle = [float(np.mean(curve.angles_deg[circle])) for curve in (first, other)]
            rows.append((f"{circle} in deg", middle[0], middle[1], SAME_ANGLE_DEG))
    return rows


def _shift(first: Normalised, start: Index, at: View, other: View) -> tuple[Vector, float]:
    """How far `other` lies from the first in (frame, row, column), and how alike they are once it is taken back.

    Uphill in whole voxels from where the Bragg peaks lie on each other, then twice the top of a parabola along each
    axis: through whole voxels, and through FINER steps of the pattern itself, which oversampling makes band-limited.
    """
    tried: dict[Index, float] = {}

    def correlation(by: Index) -> float:
        if by not in tried:
            tried[by] = _correlation(first, _window(other, start, by, first))
        return tried[by]

    apart = [b - a for a, b in zip(at.peak.center_px, other.peak.center_px, strict=True)]
    best: Index = (round(apart[0]), round(apart[1]), round(apart[2]))
    for _ in range(MOST_STEPS):
        higher = max((_moved(best, axis, by) for axis in range(3) for by in (-1, 1)), key=correlation)
        if correlation(higher) <= correlation(best):
            break
        best = higher
    rest = [_top(*(correlation(_moved(best, axis, by)) for by in (-1, 0, 1))) for axis in range(3)]
    view = _window(other, start, best, first)
    rest, alike = _finer(first, view, rest)
    return (best[0] + rest[0], best[1] + rest[1], best[2] + rest[2]), alike


def _finer(first: Normalised, view: Normalised, rest: list[float]) -> tuple[list[float], float]:
    """The fractions of a voxel improved, and the likeness there."""
    here = _likeness(first, view, rest)
    for axis in range(3):
        sides = [[r + by * (k == axis) for k, r in enumerate(rest)] for by in (-FINER, FINER)]
        by = FINER * _top(_likeness(first, view, sides[0]), here, _likeness(first, view, sides[1]), 2.0)
        moved = [r + by * (k == axis) for k, r in enumerate(rest)]
        if (there := _likeness(first, view, moved)) > here:
            rest, here = moved, there
    return rest, here


def _window(other: View, start: Index, by: Index, like: Normalised) -> Normalised:
    return other.of((start[0] + by[0], start[1] + by[1], start[2] + by[2]), like.intensity.shape)


def _correlation(a: Normalised, b: Normalised) -> float:
    """Of the square roots of the counts, where both know them and there are BRIGHT of them."""
    both = ~(a.mask | b.mask) & (a.intensity + b.intensity >= BRIGHT)
    if np.count_nonzero(both) < FEWEST_BRIGHT:
        return 0.0
    return _normalised(np.sqrt(a.intensity[both]), np.sqrt(b.intensity[both]), 0.25, 0.25)


def _likeness(a: Normalised, b: Normalised, rest: Sequence[float]) -> float:
    """Correlation of the logarithms of the counts, b taken back by `rest` voxels: fringes weigh as much as the peak."""
    both = ~(a.mask | b.mask)
    ratio = b.intensity[both].sum(dtype=np.float64) / max(float(a.intensity[both].sum(dtype=np.float64)), 1.0)
    back = _taken_back(np.where(b.mask, a.intensity * np.float32(ratio), b.intensity), rest)
    both &= (np.minimum(a.intensity, back) >= BRIGHT / 4) & (a.intensity + back >= BRIGHT)
    if np.count_nonzero(both) < FEWEST_BRIGHT:
        return 0.0
    x, y = a.intensity[both], back[both]
    return _normalised(np.log(x), np.log(y), float(np.mean(1 / x)), float(np.mean(1 / y)))


def _normalised(x: NDArray[np.float32], y: NDArray[np.float32], noise_x: float, noise_y: float) -> float:
    """Pearson's correlation with the variance of the counting noise taken out of both."""
    signal_x, signal_y = float(np.var(x, dtype=np.float64)) - noise_x, float(np.var(y, dtype=np.float64)) - noise_y
    if min(signal_x, signal_y) <= 0:
        return 0.0
    together = float(np.mean((x - x.mean()) * (y - y.mean()), dtype=np.float64))
    return together / float(np.sqrt(signal_x * signal_y))


def _taken_back(volume: NDArray[np.float32], by: Sequence[float]) -> NDArray[np.float32]:
    """volume(r + by), by Fourier's theorem: for judging only, since what is between counts is no count."""
    spectrum = scipy.fft.rfftn(volume, workers=1)
    for axis, n in enumerate(volume.shape):
        q = np.fft.rfftfreq(n) if axis == 2 else np.fft.fftfreq(n)
        ramp = np.exp(2j * np.pi * q * by[axis]).astype(np.complex64)
        spectrum *= ramp.reshape([-1 if k == axis else 1 for k in range(3)])
    return np.asarray(scipy.fft.irfftn(spectrum, volume.shape, workers=1), np.float32)


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


def _moved(index: Index, axis: int, by: int) -> Index:
    moved = list(index)
    moved[axis] += by
    return moved[0], moved[1], moved[2]


def _top(before: float, here: float, after: float, most: float = 0.5) -> float:
    """Where the parabola through three values is highest, in steps from the middle one, `most` at most."""
    bend = before - 2 * here + after
    return float(np.clip((before - after) / (2 * bend), -most, most)) if bend < 0 else 0.0


def _signed(shift: Vector) -> str:
    return ", ".join(f"{value:+.2f}" for value in shift)
