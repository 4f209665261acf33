"""What one scan shows of a window of (frame, row, column), wherever the window lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from braggline_models.preprocess.beam import FrameFactors, frame_factors, no_factors
from braggline_models.preprocess.cleaning import cleaned
from braggline_models.preprocess.cut import cut, without_background
from braggline_models.preprocess.normalise import Normalised, normalised
from braggline_models.preprocess.options import PrepareOptions
from braggline_models.preprocess.peak import BraggPeak, peak_of
from braggline_models.preprocess.scene import Scene
from braggline_models.scan import CleaningStep, RockingCurve

Index = tuple[int, int, int]


@dataclass(frozen=True)
class View:
    """A cleaned scan and its Bragg peak. `of` cuts windows from it."""

    curve: RockingCurve
    options: PrepareOptions
    scene: Scene
    beam: FrameFactors
    peak: BraggPeak

    def of(self, start: Index, shape: Index) -> Normalised:
        """Counts (shape) from raw voxel `start`: background off, normalised, unknown where the scan does not reach."""
        limits = self.curve.intensity.shape
        first = [min(max(s, 0), n) for s, n in zip(start, limits, strict=True)]
        after = [min(max(s + k, f), n) for s, k, f, n in zip(start, shape, first, limits, strict=True)]
        intensity, mask = np.zeros(shape, np.float32), np.ones(shape, bool)
        steps: tuple[CleaningStep, ...] = ()
        if all(b > a for a, b in zip(first, after, strict=True)):
            inside = tuple(slice(a - s, b - s) for a, b, s in zip(first, after, start, strict=True))
            seen = self._inside((first[0], first[1], first[2]), tuple(b - a for a, b in zip(first, after, strict=True)))
            intensity[inside], mask[inside], steps = seen.intensity, seen.mask, seen.steps
        return Normalised(intensity, mask, steps)

    def _inside(self, start: Index, shape: tuple[int, ...]) -> Normalised:
        intensity, mask = cut(self.scene, start, shape)
        intensity, removed = without_background(self.scene, intensity, start, self.options.background_counts)
        even = Normalised(intensity, mask)
        if self.options.normalise:
            corrections = self.curve.corrections.cropped(start[1], start[2], (shape[1], shape[2]))
            factors = self.beam.factors[start[0] : start[0] + shape[0]]
            even = normalised(intensity, mask, corrections, factors, self.curve.exposure_s)
        return Normalised(even.intensity, even.mask, (*self.scene.steps, *self.beam.steps, removed, *even.steps))


def view_of(curve: RockingCurve, options: PrepareOptions) -> View:
    """`curve` cleaned, its beam and its peak found."""
    scene = cleaned(curve, options)
    beam = frame_factors(curve) if options.normalise else no_factors(curve)
    return View(curve, options, scene, beam, peak_of(scene, beam.factors))
