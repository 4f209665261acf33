"""One run: an object, its support and its own random numbers, iterated by a schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from braggline_models.phase_retrieval import kernels_cpu
from braggline_models.phase_retrieval.pattern import Pattern, fourier_resized
from braggline_models.phase_retrieval.recipe import Recipe
from braggline_models.phase_retrieval.schedule import DETWIN, SHRINK_WRAP, Schedule
from braggline_models.phase_retrieval.support import dilated, first_support, offset_from_center, resized, shrink_wrap
from braggline_models.scan import BoolArray

Stop = Callable[[], bool]


@dataclass(frozen=True)
class Outcome:
    """A judged run: psi = S P_M psi, complex64 centered, |FFT(psi)|^2 = I; llk, free_llk a voxel.

    outside: share of |P_M psi|^2 outside the support.
    """

    psi: NDArray[np.complex64]
    support: BoolArray
    llk: float
    free_llk: float
    outside: float


def never() -> bool:
    """The stop of who does not stop."""
    return False


class Run:
    """psi in real space (center at shape // 2); reciprocal space in FFT order. Shares nothing with other runs."""

    def __init__(self, recipe: Recipe, pattern: Pattern, seed: np.random.SeedSequence) -> None:
        self.recipe = recipe
        self.rng = np.random.default_rng(seed)
        self.full = self.pattern = pattern
        self.llk = self.free_llk = float("nan")
        self.psi: NDArray[np.complex64]
        self.support: BoolArray
        self._start()

    def execute(self, chunk: Schedule, share: float, stop: Stop = never) -> None:
        """Do the steps of `chunk`; `share` (0 to 1) is how far the whole schedule has come."""
        for step in chunk:
            if step.name == SHRINK_WRAP:
                self.shrink_wrap(share)
            elif step.name == "HALF":
                self._move_to(self.full.halved)
            elif step.name == "FULL":
                self._move_to(self.full)
            elif step.name == "LOOSE":
                self.support = dilated(self.support, self.recipe.dilate_px + 1)
            elif step.count:
                self._iterate(step.name, step.count, stop)

    def replace_pattern(self, pattern: Pattern, carried: tuple[NDArray[np.complex64], BoolArray] | None) -> None:
        """New data; the object and support go on, or start anew where there is nothing to carry over."""
        self.full = self.pattern = pattern
        if carried is None:
            self._start()
        else:
            self.psi, self.support = carried
            self._rescale()

    def to_full(self) -> None:
        """Leave the inner half of reciprocal space, should a pass have been stopped there."""
        self._move_to(self.full)

    def outcome(self) -> Outcome:
        """Judge the run: one modulus projection, the support, and the likelihood of what is inside."""
        self.to_full()
        before = self.psi.copy()
        inside, outside = self._project("ER", self.support)
        psi, self.psi = self.psi, before
        pattern = self.pattern
        psi_q = scipy.fft.fftn(psi, workers=1)
        llk, free = kernels_cpu.likelihood(psi_q.ravel(), pattern.amplitude.ravel(), pattern.kind.ravel())
        llk, free = _per_voxel(llk, free, pattern)
        total = inside + outside
        return Outcome(psi, self.support, llk, free, outside / total if total > 0 else 1.0)

    def shrink_wrap(self, share: float) -> None:
        """New support from the object; the object is brought back to the center if it has drifted."""
        recipe = self.recipe
        sigma = recipe.sigma_start_px + (recipe.sigma_end_px - recipe.sigma_start_px) * share
        self.support = shrink_wrap(self.psi, sigma, recipe, dilate=share < recipe.dilate_until)
        offset = offset_from_center(self.support)
        if any(offset):
            back = tuple(-k for k in offset)
            self.psi = np.roll(self.psi, back, (0, 1, 2))
            self.support = np.roll(self.support, back, (0, 1, 2))

    # ---- iterating
    def _iterate(self, name: str, count: int, stop: Stop) -> None:
        support = self._half_support() if name == DETWIN else self.support
        for _ in range(count):
            if stop():
                return
            self._project(name, support)

    def _project(self, name: str, support: BoolArray) -> tuple[float, float]:
        """One iteration; gives sum |P_M psi|^2 inside and outside the support."""
        pattern = self.pattern
        psi_q = scipy.fft.fftn(self.psi, workers=1)
        llk, free = kernels_cpu.project_modulus(
            psi_q.ravel(), pattern.amplitude.ravel(), pattern.kind.ravel(), pattern.most
        )
        projected = scipy.fft.ifftn(psi_q, overwrite_x=True, workers=1)
        self.llk, self.free_llk = _per_voxel(llk, free, pattern)
        inside, outside = kernels_cpu.UPDATES[name](
            self.psi.ravel(), projected.ravel(), support.view(np.uint8).ravel(), np.float32(self.recipe.beta)
        )
        return inside, outside

    def _half_support(self) -> BoolArray:
        """The half of the support on one side of a random plane through its center."""
        normal = self.rng.standard_normal(3)
        side = np.zeros(self.psi.shape, np.float32)
        for axis, n in enumerate(self.psi.shape):
            line = np.float32(normal[axis]) * (np.arange(n, dtype=np.float32) - n // 2)
            side += line.reshape([-1 if k == axis else 1 for k in range(3)])
        return self.support & (side >= 0)

    # ---- grids
    def _move_to(self, pattern: Pattern) -> None:
        moved = pattern.shape != self.psi.shape
        self.pattern = pattern
        if moved:
            self.psi = fourier_resized(self.psi, pattern.shape)
            self.support = resized(self.support, pattern.shape)
            self._rescale()

    def _start(self) -> None:
        """Random amplitudes and phases in the first support."""
        self.support = first_support(self.pattern, self.recipe)
        shape = self.pattern.shape
        amplitude = self.rng.random(shape, np.float32)
        phase = self.rng.random(shape, np.float32) * np.float32(2 * np.pi)
        self.psi = (self.support * amplitude * np.exp(1j * phase)).astype(np.complex64)
        self._rescale()

    def _rescale(self) -> None:
        """Give |Psi|^2 as much intensity over the measured voxels as was measured there."""
        psi_q = scipy.fft.fftn(self.psi, workers=1)
        known = np.square(np.abs(psi_q[self.pattern.kind != kernels_cpu.UNKNOWN])).sum(dtype=np.float64)
        if known > 0:
            self.psi *= np.float32(np.sqrt(self.pattern.energy / known))


def _per_voxel(llk: float, free: float, pattern: Pattern) -> tuple[float, float]:
    n_measured, n_free = pattern.counts
    llk /= max(n_measured, 1)
    return llk, free / n_free if n_free else llk
