"""Refinement of the Poisson likelihood inside the support, without any projection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from braggline_models.phase_retrieval.state import State


def refine(state: State, count: int, stop: Callable[[], bool]) -> None:
    """Minimise L = sum(|Psi|^2 - I ln |Psi|^2) over the measured voxels by conjugate gradients (Polak-Ribiere).

    Gradient P_S F^-1[(1 - I / |Psi|^2) Psi]; the step is Newton's along the line, from L's own derivatives. A step
    that does not lower L is halved, three times at most.
    Partial coherence is not part of L. Source: Thibault, Guizar-Sicairos, NJP 14, 063004 (2012).
    """
    state.psi *= state.support
    descent: _Descent | None = None
    for _ in range(count):
        if stop():
            return
        if descent is None:
            descent = _Descent(state)
        descent.turn()
        descent.step()
    state.llk, state.free_llk = state.likelihood()
    state.work[...] = state.psi


class _Descent:
    """psi_q = F psi, the direction and the last gradient, made once: new arrays cost more than what is done to them."""

    def __init__(self, state: State) -> None:
        self.state = state
        state.work[...] = state.psi
        state.transform.forward()
        self.psi_q = state.work.copy()
        self.spare = state.spare()
        self.before: Any = None
        self.direction: Any = None
        self.square = 0.0
        self.value = self._likelihood(self.psi_q)

    def turn(self) -> None:
        """A new direction, from the gradient at psi_q."""
        state, slope = self.state, self.state.work
        scale = np.float32(1.0 / slope.size)
        state.device.kernels.gradient(self.psi_q.reshape(-1), state.amplitude, state.kind, scale, slope.reshape(-1))
        state.transform.backward()
        slope *= state.support
        square, last = float(np.vdot(slope, slope).real), self.square
        self.square = square
        if self.direction is None:
            self.direction, self.before = -slope, slope.copy()
            return
        share = (square - float(np.vdot(slope, self.before).real)) / max(last, 1e-30)
        self.direction *= np.float32(max(share, 0.0))
        self.direction -= slope
        self.before[...] = slope

    def step(self) -> None:
        """psi and psi_q moved along the direction as far as the likelihood falls."""
        state, step_q, xp = self.state, self.state.work, self.state.device.xp
        step_q[...] = self.direction
        state.transform.forward()
        first, second = state.device.kernels.line_terms(
            self.psi_q.reshape(-1), step_q.reshape(-1), state.amplitude, state.kind
        )
        length = -first / second if second > 0 else 0.0
        for _ in range(3):
            moved = xp.multiply(step_q, np.float32(length), out=self.spare)
            moved += self.psi_q
            value = self._likelihood(moved)
            if value < self.value:
                self.psi_q, self.spare, self.value = moved, self.psi_q, value
                state.psi += xp.multiply(self.direction, np.float32(length), out=self.spare)
                return
            length /= 2

    def _likelihood(self, psi_q: Any) -> float:
        state = self.state
        return float(state.device.kernels.likelihood(psi_q.reshape(-1), state.amplitude, state.kind)[0])
