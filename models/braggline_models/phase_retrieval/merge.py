"""Many runs into one object: choose, align, take the first mode, center, fix sign and twin."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import center_of_mass

from braggline_models.phase_retrieval import fft
from braggline_models.phase_retrieval.align import laid, shifted, twin
from braggline_models.phase_retrieval.run import Outcome
from braggline_models.phase_retrieval.support import block_about
from braggline_models.scan import BoolArray

Object = NDArray[np.complex64]


@dataclass(frozen=True)
class Merged:
    """The first mode of the kept runs. object_, runs: phase = +Q.u, centered; psi, its conjugate, scatters FFT(psi)."""

    object_: Object
    support: BoolArray
    runs: Object
    agreement: float
    mode_weight: float
    pairwise: float
    best: Outcome

    @property
    def psi(self) -> Object:
        return np.conj(self.object_)


MOST_WORSE = 1.2  # a run whose free LLK is that many times the best one's has found another crystal
SECOND_WORSE = 1.5  # the second best may be that much worse: without it there is nothing to compare the best with


def kept_runs(outcomes: list[Outcome], keep: float, most_outside: float) -> list[Outcome]:
    """The share `keep` of the runs with the lowest free LLK, best first, of those that keep inside their support; and
    of these the ones about as likely as the best: one odd run would spoil the mean of all.

    If every run has too much outside, the one with the least is kept: a doubtful result is better than none.
    """
    finite = [run for run in outcomes if np.isfinite(run.free_llk) and np.isfinite(run.outside)]
    good = [run for run in finite if run.outside <= most_outside]
    if not good:
        return sorted(finite, key=lambda run: run.outside)[:1]
    n = max(1, round(keep * len(outcomes)))
    ranked = sorted(good, key=lambda run: run.free_llk)[:n]
    best = max(ranked[0].free_llk, 0.0)
    near = [run for run in ranked[1:] if run.free_llk <= MOST_WORSE * best]
    return [ranked[0], *(near or [run for run in ranked[1:2] if run.free_llk <= SECOND_WORSE * best])]


def merged(kept: list[Outcome], threads: int = 1) -> Merged:
    """First eigenmode of M_ij = <psi_i, psi_j> of the runs aligned to the first of them.

    What the runs and the mode, a sum of runs, have in common follows from M alone.
    """
    reference = _standard(kept[0])
    reference_q = fft.fftn(reference.psi)
    with ThreadPoolExecutor(threads) as pool:
        others = list(pool.map(lambda run: laid(run.psi, reference_q)[0], kept[1:]))
    stack = np.stack([run.ravel() for run in (reference.psi, *others)])
    overlap = np.conj(stack) @ stack.T  # M_ij = <psi_i, psi_j>
    weights, vectors = np.linalg.eigh(overlap)
    norms = np.sqrt(np.real(np.diag(overlap)))
    mode = vectors[:, -1] / np.sqrt(np.float32(len(stack)))
    psi = (mode @ stack).reshape(reference.psi.shape)
    turn = np.exp(-1j * np.angle(np.sum(psi[reference.support])))
    psi *= np.complex64(turn)
    common = (np.conj(turn * mode)) @ overlap  # <psi, psi_j>
    norm = np.sqrt(max(float(np.real(np.conj(mode) @ overlap @ mode)), 1e-30))
    stack *= np.exp(-1j * np.angle(common)).astype(np.complex64)[:, None]  # each run has the phase of the mode
    return Merged(
        object_=np.conj(psi),
        support=reference.support,
        runs=np.conj(stack, out=stack).reshape(len(stack), *psi.shape),
        agreement=float(np.mean(np.abs(common) / np.maximum(norm * norms, 1e-30))),
        mode_weight=float(weights[-1] / weights.sum()),
        pairwise=float(np.min(np.abs(overlap) / np.maximum(np.outer(norms, norms), 1e-30))),
        best=kept[0],
    )


def _standard(outcome: Outcome) -> Outcome:
    """Centre of mass at shape // 2 to a fraction of a voxel, and of the two twins always the same one."""
    psi, support = outcome.psi, outcome.support
    if _oddness(np.abs(psi[block := block_about(support, 0)]) * support[block]) < 0:
        psi = twin(psi)
        support = np.abs(twin(support.astype(np.complex64))) > 0.5
        block = block_about(support, 0)
    center = center_of_mass(np.abs(psi[block]) * support[block])
    offset = tuple(c + b.start - n // 2 for c, b, n in zip(center, block, psi.shape, strict=True))
    whole = tuple(-round(float(o)) for o in offset)
    support = np.roll(support, whole, (0, 1, 2))
    psi = shifted(fft.fftn(psi), tuple(-float(o) for o in offset))
    return replace(outcome, psi=psi, support=support)


def _oddness(amplitude: NDArray[np.float32]) -> float:
    """sum |psi|^2 (x^3 + y^3 + z^3) about the centre of mass, each in units of its width: the twins differ in sign.

    The rule is a convention that gives the same twin each time; it does not tell which of the two is true.
    """
    weight = np.square(amplitude, dtype=np.float64)
    odd = 0.0
    for axis, n in enumerate(weight.shape):
        profile = weight.sum(axis=tuple(k for k in range(3) if k != axis))
        total = profile.sum()
        if total == 0:
            return 0.0
        x = np.arange(n) - profile @ np.arange(n) / total
        width = np.sqrt(profile @ x**2 / total)
        odd += float(profile @ x**3 / total / max(width, 1e-6) ** 3)
    return odd
