"""The iterations: each takes psi on by `count` steps through P_M (state.project) and the support P_S.

| name   | inside P_S          | outside                       | source                                      |
| ER     | P                   | 0                             | Gerchberg, Saxton 1972; Fienup 1982         |
| HIO    | P                   | psi - beta P                  | Fienup, Appl. Opt. 21, 2758 (1982)          |
| RAAR   | P                   | beta psi + (1 - 2 beta) P     | Luke, Inverse Problems 21, 37 (2005)        |
| SF     | P                   | -P                            | Abrahams, Leslie 1996: solvent flipping     |
| MEAN   | the mean of n iterates of RAAR                      | e.g. cohere's averaging trigger             |
| CF     | P where |P| is large, -P elsewhere; no support      | Oszlanyi, Sueto, Acta A 60, 134 (2004)      |
| DM     | psi + beta (P_S f_M - P_M f_S), two P_M a step      | Elser, J. Opt. Soc. Am. A 20, 40 (2003)     |
| GPS    | primal-dual with a smoothed modulus constraint      | Pham et al., SIAM J. Imaging 12, 260 (2019) |
| ML     | conjugate gradients on the Poisson likelihood       | Thibault, Guizar-Sicairos, NJP 14 (2012)    |
with P = P_M psi. DETWIN is ER on one half of the support.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from braggline_models.phase_retrieval.likelihood import refine
from braggline_models.phase_retrieval.state import State

Stop = Callable[[], bool]
Coefficients = Callable[[np.float32], tuple[float, float]]

OUTSIDE: dict[str, Coefficients] = {
    "ER": lambda beta: (0.0, 0.0),
    "DETWIN": lambda beta: (0.0, 0.0),
    "HIO": lambda beta: (1.0, -float(beta)),
    "RAAR": lambda beta: (float(beta), 1.0 - 2.0 * float(beta)),
    "SF": lambda beta: (0.0, -1.0),
}
FLIPPED_BELOW = 0.2  # CF: of the largest amplitude
GPS_STEP, GPS_DUAL, GPS_SMOOTHING = 1.0, 0.9, 0.01  # t, s, sigma; s t <= 1 for convergence


def iterate(state: State, name: str, count: int, stop: Stop) -> None:
    """`count` steps of the update `name` of the table above; ends between two steps where `stop` says so."""
    state.work[...] = state.psi
    state.averaged = name == "MEAN" and count > 1
    if name in OUTSIDE:
        a, b = OUTSIDE[name](state.beta)
        fixed_point(state, count, stop, np.float32(a), np.float32(b))
    else:
        {"MEAN": mean_iterate, "CF": charge_flipping, "DM": difference_map, "GPS": smoothing, "ML": refine}[name](
            state, count, stop
        )


def fixed_point(state: State, count: int, stop: Stop, a: np.float32, b: np.float32) -> None:
    """psi = P_M psi inside, a psi + b P_M psi outside."""
    update, psi, work, bits = state.device.kernels.update, state.flat, state.work_flat, state.bits
    for _ in range(count):
        if stop():
            return
        state.project()
        state.inside, state.outside = update(psi, work, bits, a, b)


def mean_iterate(state: State, count: int, stop: Stop) -> None:
    """`count` steps of RAAR, then psi = the mean of the iterates inside the support.

    What the data do not determine differs from iterate to iterate and averages out: the mean of each run is closer
    to that of the others than any iterate is.
    """
    total, a, b = state.spare(), *(np.float32(value) for value in OUTSIDE["RAAR"](state.beta))
    total[...] = 0
    for done in range(count):
        fixed_point(state, 1, stop, a, b)
        if stop():
            if not done:
                return
            count = done
            break
        total += state.psi
    state.psi = total * (np.float32(1.0 / count) * state.support.astype(np.float32))
    state.work[...] = state.psi


def charge_flipping(state: State, count: int, stop: Stop) -> None:
    """psi = P_M psi where |P_M psi| > FLIPPED_BELOW of its largest, -P_M psi elsewhere."""
    for _ in range(count):
        if stop():
            return
        state.project()
        level = np.float32((FLIPPED_BELOW * float(abs(state.work_flat).max())) ** 2)
        state.inside, state.outside = state.device.kernels.flip(state.flat, state.work_flat, state.bits, level)


def difference_map(state: State, count: int, stop: Stop) -> None:
    """f_S psi = psi inside, psi / beta outside; f_M psi = (1 + 1 / beta) P_M psi - psi / beta."""
    first, kernels = state.spare(), state.device.kernels
    for _ in range(count):
        if stop():
            return
        state.work[...] = state.psi
        state.project()
        first[...] = state.work
        kernels.relaxed_support(state.flat, state.bits, state.beta, state.work_flat)
        state.project()
        state.inside, state.outside = kernels.update_difference(
            state.flat, first.reshape(-1), state.work_flat, state.bits, state.beta
        )
    state.work[...] = state.psi


def smoothing(state: State, count: int, stop: Stop) -> None:
    """psi' = (sigma v + t P_M v) / (sigma + t), v = psi - t y; y' = (1 - P_S)(y + s (2 psi' - psi))."""
    dual, weight = state.spare(), np.float32(GPS_STEP / (GPS_STEP + GPS_SMOOTHING))
    dual[...] = 0
    for _ in range(count):
        if stop():
            return
        before = state.psi
        start = before - np.float32(GPS_STEP) * dual
        state.work[...] = start
        state.project()
        state.psi = start + weight * (state.work - start)
        dual += np.float32(GPS_DUAL) * (2 * state.psi - before)
        dual[state.support] = 0
        square = np.square(np.abs(state.work))
        state.inside = float(square[state.support].sum(dtype=np.float64))
        state.outside = float(square.sum(dtype=np.float64)) - state.inside
