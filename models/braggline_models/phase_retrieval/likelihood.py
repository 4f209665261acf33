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
    before: Any = None
    direction: Any = None
    psi_q = _transformed(state, state.psi)
    for _ in range(count):
        if stop():
            return
        slope = _gradient(state, psi_q)
        if direction is None:
            direction = -slope
        else:
            share = float(np.vdot(slope, slope - before).real) / max(float(np.vdot(before, before).real), 1e-30)
            direction = max(share, 0.0) * direction - slope
            direction = direction.astype(np.complex64)
        before = slope
        psi_q = _step(state, psi_q, direction)
    state.llk, state.free_llk = state.likelihood()
    state.work[...] = state.psi


def _step(state: State, psi_q: Any, direction: Any) -> Any:
    """psi and Psi moved along the direction as far as the likelihood falls."""
    kernels, step_q = state.device.kernels, _transformed(state, direction)
    first, second = kernels.line_terms(psi_q.reshape(-1), step_q.reshape(-1), state.amplitude, state.kind)
    length = -first / second if second > 0 else 0.0
    start = kernels.likelihood(psi_q.reshape(-1), state.amplitude, state.kind)[0]
    for _ in range(3):
        moved = psi_q + np.float32(length) * step_q
        if kernels.likelihood(moved.reshape(-1), state.amplitude, state.kind)[0] < start:
            state.psi += np.float32(length) * direction
            return moved
        length /= 2
    return psi_q


def _gradient(state: State, psi_q: Any) -> Any:
    scale = np.float32(1.0 / state.work.size)
    state.device.kernels.gradient(psi_q.reshape(-1), state.amplitude, state.kind, scale, state.work_flat)
    state.transform.backward()
    return state.work * state.support


def _transformed(state: State, array: Any) -> Any:
    state.work[...] = array
    state.transform.forward()
    return state.work.copy()
