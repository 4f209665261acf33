"""One run: an object, its support and its own random numbers, iterated by a schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braggline_models.phase_retrieval import fft
from braggline_models.phase_retrieval.backend import CPU, Backend
from braggline_models.phase_retrieval.coherence import Coherence
from braggline_models.phase_retrieval.formulas import MEASURED, UNKNOWN
from braggline_models.phase_retrieval.pattern import Pattern, fourier_resized
from braggline_models.phase_retrieval.recipe import Recipe
from braggline_models.phase_retrieval.schedule import DETWIN, SHRINK_WRAP, Schedule
from braggline_models.phase_retrieval.state import State
from braggline_models.phase_retrieval.support import dilated, first_support, offset_from_center, resized, shrink_wrap
from braggline_models.phase_retrieval.updates import iterate
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

    def __init__(
        self, recipe: Recipe, pattern: Pattern, seed: np.random.SeedSequence, threshold: float, device: Backend = CPU
    ) -> None:
        self.recipe = recipe
        self.threshold = threshold
        self.rng = np.random.default_rng(seed)
        self.full = pattern
        self.restarts = 0
        self.state = State(device, pattern, recipe.beta)
        self._start()

    @property
    def psi(self) -> NDArray[np.complex64]:
        """The object as it stands, on the host."""
        return self.state.device.to_host(self.state.psi)

    @property
    def support(self) -> BoolArray:
        """Its support, on the host."""
        return self.state.device.to_host(self.state.support)

    def execute(self, chunk: Schedule, share: float, stop: Stop = never) -> None:
        """Do the steps of `chunk`; `share` (0 to 1) is how far the whole schedule has come."""
        marks: dict[str, Callable[[], None]] = {
            SHRINK_WRAP: lambda: self.shrink_wrap(share),
            "HALF": lambda: self._move_to(self.full.halved),
            "FULL": self.to_full,
            "LOOSE": self._loosen,
            "ZERO": lambda: setattr(self.state, "zero_unknown", True),
            "FLOAT": lambda: setattr(self.state, "zero_unknown", False),
            "PSF": self._fit_coherence,
        }
        for step in chunk:
            if step.name in marks:
                marks[step.name]()
            elif step.count:
                self._iterate(step.name, step.count, stop)

    def replace_pattern(self, pattern: Pattern, carried: tuple[NDArray[np.complex64], BoolArray] | None) -> None:
        """New data; the object and support go on, or start anew where there is nothing to carry over."""
        self.full = pattern
        self.state.coherence = None
        self.state.load(pattern)
        if carried is None:
            self._start()
        else:
            self.replace_object(*carried)

    def replace_object(self, psi: NDArray[np.complex64], support: BoolArray) -> None:
        """Go on from another object on the grid of the present pattern."""
        self._put(psi, support)
        self._rescale()

    def to_full(self) -> None:
        """The whole of reciprocal space, should the run be in its inner half."""
        self._move_to(self.full)

    def outcome(self) -> Outcome:
        """Judge the run: one modulus projection, the support, and the likelihood of what is inside."""
        self.to_full()
        state = self.state
        before, mean = state.psi.copy(), state.averaged
        iterate(state, "ER", 1, never)
        if mean:  # its modulus is the better estimate: a projection would bring the noise back
            state.psi, state.averaged = before.copy(), True
        psi = state.psi.copy()
        llk, free = state.likelihood()
        state.psi = before
        total = state.inside + state.outside
        host = state.device.to_host
        return Outcome(host(psi), self.support, llk, free, state.outside / total if total > 0 else 1.0)

    def shrink_wrap(self, share: float) -> None:
        """New support from the object; the object is brought back to the center if it has drifted."""
        recipe, state = self.recipe, self.state
        sigma = recipe.sigma_start_px + (recipe.sigma_end_px - recipe.sigma_start_px) * share
        dilate = share < recipe.dilate_until
        state.support = shrink_wrap(state.psi, state.support, sigma, self.threshold, recipe, dilate, state.device)
        offset = offset_from_center(state.support, state.device)
        if any(offset):
            back = tuple(-k for k in offset)
            state.psi = np.roll(state.psi, back, (0, 1, 2))
            state.support = np.roll(state.support, back, (0, 1, 2))

    # ---- iterating
    def _iterate(self, name: str, count: int, stop: Stop) -> None:
        state, support = self.state, self.state.support
        if name == DETWIN:
            state.support = state.device.to_device(self._half_support())
        iterate(state, name, count, stop)
        state.support = support
        plane = state.psi[len(state.psi) // 2]  # a transform spreads what is no number over every voxel
        if not np.isfinite(complex(plane.sum())) and not stop():
            self.restarts += 1
            self._start()

    def _half_support(self) -> BoolArray:
        """The half of the support on one side of a random plane through its center."""
        support = self.support
        normal = self.rng.standard_normal(3)
        side = np.zeros(support.shape, np.float32)
        for axis, n in enumerate(support.shape):
            line = np.float32(normal[axis]) * (np.arange(n, dtype=np.float32) - n // 2)
            side += line.reshape([-1 if k == axis else 1 for k in range(3)])
        return support & (side >= 0)

    def _loosen(self) -> None:
        self.state.support = dilated(self.state.support, self.recipe.dilate_px + 1, self.state.device)

    def _fit_coherence(self) -> None:
        """The blur that explains the counts best, given the present object."""
        kind = self.recipe.coherence
        if kind == "none":
            return
        state, pattern = self.state, self.state.pattern
        calculated = np.square(np.abs(fft.fftn(self.psi * self.support)))
        counts, known = np.square(pattern.amplitude), pattern.kind == MEASURED
        fitted = state.coherence or Coherence(pattern.shape, self.recipe.coherence_sigma_px)
        if kind == "gaussian":
            fitted.fit_width(calculated, counts, known)
        else:
            fitted.richardson_lucy(calculated, counts, known)
        state.coherence = fitted

    # ---- grids
    def _move_to(self, pattern: Pattern) -> None:
        if pattern.shape == self.state.psi.shape:
            return
        psi, support = fourier_resized(self.psi, pattern.shape), resized(self.support, pattern.shape)
        self.state.coherence = None
        self.state.load(pattern)
        self.replace_object(psi, support)

    def _start(self) -> None:
        """Random amplitudes and phases in the first support."""
        pattern = self.state.pattern
        support = first_support(pattern, self.recipe)
        n = int(np.count_nonzero(support))
        psi = np.zeros(pattern.shape, np.complex64)
        psi[support] = self.rng.random(n, np.float32) * np.exp(2j * np.pi * self.rng.random(n, np.float32))
        self.replace_object(psi, support)

    def _put(self, psi: Any, support: Any) -> None:
        self.state.psi = self.state.device.to_device(np.ascontiguousarray(psi, np.complex64))
        self.state.support = self.state.device.to_device(np.ascontiguousarray(support))

    def _rescale(self) -> None:
        """Give |Psi|^2 as much intensity over the measured voxels as was measured there."""
        state = self.state
        state.work[...] = state.psi
        state.transform.forward()
        known = float(np.square(np.abs(state.work_flat[state.kind != UNKNOWN])).sum(dtype=np.float64))
        if known > 0 and np.isfinite(known):
            state.psi = state.psi * np.float32(np.sqrt(state.pattern.energy / known))
