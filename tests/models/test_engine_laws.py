"""The engine by its laws: transforms, projections, every update, and float32 against a float64 reference."""

from __future__ import annotations

import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.phase_retrieval import fft, kernels_cpu, parse
from braggline_models.phase_retrieval.backend import CPU, backend
from braggline_models.phase_retrieval.coherence import Coherence
from braggline_models.phase_retrieval.formulas import FREE, MEASURED, UNKNOWN
from braggline_models.phase_retrieval.pattern import Pattern
from braggline_models.phase_retrieval.recipe import Recipe
from braggline_models.phase_retrieval.run import Run, never
from braggline_models.phase_retrieval.schedule import UPDATES
from braggline_models.phase_retrieval.state import State
from braggline_models.phase_retrieval.transfer import shell_correlation
from braggline_models.phase_retrieval.updates import iterate

SHAPE = (24, 20, 18)


def _random(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(SHAPE) + 1j * rng.standard_normal(SHAPE)).astype(np.complex64)


def _crystal() -> np.ndarray:
    """Lopsided, so that it is not its own twin; phase over 1.5 rad."""
    x, y, z = np.meshgrid(*[np.arange(n) - n // 2 for n in SHAPE], indexing="ij")
    inside = (np.abs(x) < 6) & (np.abs(y) < 5) & (np.abs(z + 1) < 4) & (x + y < 6)
    return (40 * inside * np.exp(0.15j * x + 0.01j * y * y)).astype(np.complex64)


def _pattern(noisy: bool = True) -> Pattern:
    counts = np.square(np.abs(np.fft.fftn(_crystal())))
    counts *= 2e5 / counts.sum()
    rng = np.random.default_rng(1)
    counts = rng.poisson(counts).astype(np.float32) if noisy else counts.astype(np.float32)
    kind = np.full(SHAPE, MEASURED, np.uint8)
    if noisy:
        kind[5] = UNKNOWN
        kind[rng.random(SHAPE) < 0.03] = FREE
    return Pattern(np.where(kind == UNKNOWN, 0, np.sqrt(counts)).astype(np.float32), kind)


def _state(pattern: Pattern, seed: int = 0) -> State:
    state = State(CPU, pattern, beta=0.9)
    state.support = np.abs(_crystal()) > 0
    state.psi = _random(seed) * state.support
    return state


@pytest.mark.parametrize("library", fft.libraries())
def test_transforms_agree_with_float64_and_are_adjoint(library: str) -> None:
    transform = fft.planned(SHAPE, library)
    assert not transform.array.any()
    x, y = _random(1), _random(2)
    transform.array[...] = x
    transform.forward()
    there = transform.array.copy()
    np.testing.assert_allclose(there, np.fft.fftn(x.astype(np.complex128)), rtol=1e-5, atol=1e-3)
    transform.backward()
    np.testing.assert_allclose(transform.array / x.size, x, atol=1e-5)
    transform.array[...] = y
    transform.backward()
    assert np.vdot(there, y) == pytest.approx(np.vdot(x, transform.array), rel=1e-4)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(BadInput, match="fastest"):
        fft.planned(SHAPE, "fastest")
    with pytest.raises(BadInput, match="tpu"):
        backend("tpu")


def test_the_modulus_projection_is_idempotent() -> None:
    state = _state(_pattern())
    state.work[...] = _random(3)
    state.project()
    once = state.work.copy()
    state.project()
    np.testing.assert_allclose(state.work, once, atol=1e-5 * np.abs(once).max())


def test_held_at_zero_or_floating() -> None:
    """Unknown voxels keep what they have when they float, and lose it when they are held at zero."""
    state = _state(_pattern())
    for zero in (False, True):
        state.zero_unknown = zero
        state.work[...] = _random(3) * 1e-2
        state.project()
        unknown = np.abs(np.fft.fftn(state.work))[state.pattern.kind == UNKNOWN]
        assert (unknown.max() < 1e-4) == zero


def test_the_error_of_error_reduction_never_grows() -> None:
    state = _state(_pattern())
    errors = []
    for _ in range(30):
        iterate(state, "ER", 1, never)
        errors.append(state.outside)
    assert np.all(np.diff(errors) <= 1e-5 * errors[0])


@pytest.mark.parametrize("name", UPDATES)
def test_every_update_keeps_the_truth(name: str) -> None:
    """Where the data are exact, the true object is a fixed point of every update but charge flipping's own support."""
    state = _state(_pattern(noisy=False))
    truth = _crystal()
    truth *= np.float32(np.sqrt(state.pattern.energy / np.sum(np.square(np.abs(np.fft.fftn(truth))))))
    state.psi = truth.copy()
    iterate(state, name, 5, never)
    np.testing.assert_allclose(state.psi, truth, atol=1e-3 * np.abs(truth).max())


def test_float32_follows_a_float64_reference() -> None:
    """20 iterations of HIO: within 1e-3 of the object's norm."""
    pattern = _pattern(noisy=False)
    state = _state(pattern)
    psi = state.psi.astype(np.complex128)
    iterate(state, "HIO", 20, never)
    for _ in range(20):
        psi_q = np.fft.fftn(psi)
        projected = np.fft.ifftn(psi_q * pattern.amplitude / np.sqrt(np.maximum(np.abs(psi_q) ** 2, 1e-12)))
        psi = np.where(state.support, projected, psi - 0.9 * projected)
    assert np.linalg.norm(state.psi - psi) < 1e-3 * np.linalg.norm(psi)


def test_the_likelihood_falls_and_its_slope_is_the_derivative() -> None:
    state = _state(_pattern())
    iterate(state, "ER", 30, never)
    before = state.likelihood()[0]
    iterate(state, "ML", 10, never)
    assert state.likelihood()[0] < before
    psi_q, step = np.fft.fftn(state.psi).astype(np.complex64).ravel(), _random(5).ravel() * np.float32(1e-2)
    amplitude, kind = state.amplitude, state.kind
    strong = (kind == MEASURED) & (np.abs(psi_q) ** 2 > 1)  # weak voxels are floored
    calculated = [np.abs(psi_q + sign * 1e-2 * step.astype(np.complex128)) ** 2 for sign in (1, -1)]
    values = [np.sum((c - amplitude.astype(float) ** 2 * np.log(c))[strong]) for c in calculated]
    only_strong = np.where(strong, MEASURED, UNKNOWN).astype(np.uint8)
    slope, _ = kernels_cpu.line_terms(psi_q, step, amplitude, only_strong)
    assert slope == pytest.approx((values[0] - values[1]) / 2e-2, rel=1e-2)


@pytest.mark.parametrize("ratio", [0.02, 0.3, 0.72, 0.9, 1.1, 1.4, 1.43, 3.0, 50.0])
@pytest.mark.parametrize("counts", [0.5, 7.0, 1e3, 1e6])
def test_the_deviance_keeps_four_digits(counts: float, ratio: float) -> None:
    """I_c - I + I ln(I / I_c) against float64, where its terms nearly cancel and where they do not."""
    amplitude = np.full(3000, np.sqrt(counts), np.float32)
    kind = np.full(3000, MEASURED, np.uint8)
    kind[1000:] = FREE
    psi_q = (amplitude * np.sqrt(ratio) * np.exp(0.3j)).astype(np.complex64)
    expected, known = np.abs(psi_q[0].astype(complex)) ** 2, float(amplitude[0]) ** 2
    reference = expected - known + known * np.log(known / expected)
    assert kernels_cpu.likelihood(psi_q, amplitude, kind) == pytest.approx(
        (1000 * reference, 2000 * reference), rel=1e-4
    )
    projected = kernels_cpu.project_modulus(psi_q, amplitude, kind, np.float32(1e9), np.float32(1e9), np.float32(1.0))
    assert projected == pytest.approx((1000 * reference, 2000 * reference), rel=1e-4)


def test_a_diverging_run_starts_anew() -> None:
    run = Run(Recipe(start="box"), _pattern(), np.random.SeedSequence(1), 0.25)
    run.state.psi[3, 3, 3] = np.nan
    run.execute(parse("HIO**5"), 0.0)
    assert run.restarts == 1
    assert np.isfinite(run.psi).all()
    run.execute(parse("HIO**5,SW,ER**5"), 0.5)
    assert np.isfinite(run.outcome().psi).all()


@pytest.mark.parametrize("kind", ["gaussian", "richardson-lucy"])
def test_partial_coherence_is_found(kind: str) -> None:
    """Counts blurred by a Gaussian of 0.8 px: the fit finds the width, and explains the counts better."""
    calculated = np.square(np.abs(np.fft.fftn(_crystal()))).astype(np.float32)
    counts, known = Coherence(SHAPE, 0.8).blurred(np.sqrt(calculated).astype(np.complex64)), np.ones(SHAPE, bool)
    fitted = Coherence(SHAPE, 0.3)
    if kind == "gaussian":
        fitted.fit_width(calculated, counts, known)
        assert fitted.sigma_px == pytest.approx(0.8, abs=0.05)
    else:
        fitted.richardson_lucy(calculated, counts, known, count=30)
    assert fitted.psf.sum() == pytest.approx(1.0, abs=1e-4)
    blurred = fitted.blurred(np.sqrt(calculated).astype(np.complex64))
    assert np.abs(blurred - counts).sum() < 0.25 * np.abs(calculated - counts).sum()


def test_shell_correlation_tells_signal_from_noise() -> None:
    truth, step = _crystal(), np.eye(3) * 1e7
    noisy = [truth + np.float32(8) * _random(seed) for seed in (1, 2)]
    curve = shell_correlation(*noisy, step)
    assert curve[0] > 0.95
    assert np.abs(curve[6:9]).mean() < 0.7
    np.testing.assert_allclose(shell_correlation(truth, truth, step)[:6], 1.0, atol=1e-5)
