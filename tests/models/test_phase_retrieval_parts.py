"""The parts of phase retrieval by their laws: schedules, recipes, projections, islands, alignment, carry-over."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft

from braggline_models.errors import BadInput
from braggline_models.phase_retrieval import Recipe, kernels_cpu, parse
from braggline_models.phase_retrieval.align import aligned, correlation, shifted, twin
from braggline_models.phase_retrieval.carry import carry_over
from braggline_models.phase_retrieval.formulas import FREE, MEASURED, UNKNOWN
from braggline_models.phase_retrieval.pattern import Pattern, fourier_resized, free_islands
from braggline_models.phase_retrieval.schedule import Step, iterations
from braggline_models.phase_retrieval.support import first_support, offset_from_center, shrink_wrap
from braggline_models.phase_retrieval.updates import OUTSIDE
from braggline_models.scan import PreparedVolume

BETA = np.float32(0.9)


def _random(shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def _volume(shape: tuple[int, ...], start: tuple[int, int, int], binning: tuple[int, int, int]) -> PreparedVolume:
    return PreparedVolume(
        "test",
        np.ones(shape, np.float32),
        np.zeros(shape, bool),
        start,
        binning,
        (0.0, 0.0, 0.0),
        np.ones(3),
        np.eye(3),
    )


def _blob(shape: tuple[int, ...]) -> np.ndarray:
    axes = np.meshgrid(*[np.arange(n) - n // 2 for n in shape], indexing="ij")
    return np.exp(-(axes[0] ** 2 / 8 + axes[1] ** 2 / 12 + axes[2] ** 2 / 6) + 0.2j * axes[0]).astype(np.complex64)


def _intensity(psi: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.fftshift(np.fft.fftn(psi))) ** 2


def test_schedule_is_written_out() -> None:
    steps = parse("(RAAR**40, SW)**2,er**60")
    assert steps == (Step("RAAR", 40), Step("SW"), Step("RAAR", 40), Step("SW"), Step("ER", 60))
    assert iterations(parse("HALF,((HIO**3,SW)**2,DETWIN**4)**3,FULL")) == 30


@pytest.mark.parametrize(
    "text", ["", "SW", "RAAR**", "(ER**3", "ER**3)", "XYZ**3", "ER**0", "ER**3,,SW", "(ER**999)**9999", "ER 3"]
)
def test_wrong_schedule_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(BadInput, match="schedule") as error:
        parse(text)
    assert "\n" not in str(error.value)


WRONG: list[dict[str, object]] = [
    {"rums": 3},
    {"runs": 0},
    {"runs": 2.5},
    {"runs": True},
    {"threshold": "low"},
    {"threshold": 5.0},
    {"beta": float("nan")},
    {"start": "sphere"},
    {"schedule": "RAAL**3"},
    {"schedule": 5},
    {"smallest_support": 0.3, "largest_support": 0.2},
]


@pytest.mark.parametrize("values", WRONG)
def test_wrong_recipe_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        Recipe.from_mapping(values)


def test_recipe_round_trip() -> None:
    recipe = Recipe.from_mapping({"runs": 3, "threshold": 0.15})
    assert Recipe.from_mapping(recipe.as_mapping()) == recipe
    assert hash(recipe) == hash(Recipe(runs=3, threshold=0.15))


def test_modulus_projection_and_its_likelihood() -> None:
    psi_q, rng = _random((6, 8, 10), 1), np.random.default_rng(2)
    counts = rng.poisson(2.0, psi_q.shape).astype(np.float32)
    kind = rng.choice([MEASURED, FREE, UNKNOWN], psi_q.shape).astype(np.uint8)
    projected, most = psi_q.copy(), np.float32(4.0)
    amplitude = np.sqrt(counts).ravel()
    llk, free = kernels_cpu.project_modulus(
        projected.reshape(-1), amplitude, kind.ravel(), most, np.float32(0), np.float32(1)
    )
    elsewhere = np.where(kind == FREE, np.minimum(np.abs(psi_q), 2.0), 0.0)
    modulus = np.where(kind == MEASURED, np.sqrt(counts), elsewhere)
    np.testing.assert_allclose(np.abs(projected), modulus, atol=1e-5)
    np.testing.assert_allclose(np.angle(projected / psi_q)[modulus > 0], 0.0, atol=1e-5)
    calculated = np.maximum(np.abs(psi_q.astype(complex)) ** 2, 0.01)
    deviance = calculated - counts + np.where(counts > 0, counts * np.log(np.maximum(counts, 1) / calculated), 0.0)
    for sums in ((llk, free), kernels_cpu.likelihood(psi_q.reshape(-1), amplitude, kind.ravel())):
        assert sums[0] == pytest.approx(deviance[kind == MEASURED].sum(), rel=1e-5)
        assert sums[1] == pytest.approx(deviance[kind == FREE].sum(), rel=1e-5)


def _updated(name: str, psi: np.ndarray, projected: np.ndarray, support: np.ndarray) -> tuple[np.ndarray, float, float]:
    a, b = (np.float32(value) for value in OUTSIDE[name](BETA))
    result, work = psi.copy(), projected.copy()
    sums = kernels_cpu.update(result.reshape(-1), work.reshape(-1), support.view(np.uint8).reshape(-1), a, b)
    np.testing.assert_array_equal(result, work)
    return result, *sums


def test_raar_equals_its_operator_form() -> None:
    """psi' = beta/2 (R_S R_M + 1) psi + (1 - beta) P_M psi with R = 2 P - 1 (Luke 2005)."""
    psi, projected = _random((5, 6, 7), 1), _random((5, 6, 7), 2)
    support = np.random.default_rng(3).random(psi.shape) < 0.4
    reflected = 2 * projected - psi
    both = 2 * support * reflected - reflected
    result, inside, outside = _updated("RAAR", psi, projected, support)
    np.testing.assert_allclose(result, 0.45 * (both + psi) + 0.1 * projected, atol=1e-5)
    assert inside == pytest.approx(np.sum(np.abs(projected[support]) ** 2), rel=1e-5)
    assert outside == pytest.approx(np.sum(np.abs(projected[~support]) ** 2), rel=1e-5)


def test_hio_er_and_solvent_flipping() -> None:
    psi, projected = _random((5, 6, 7), 1), _random((5, 6, 7), 2)
    support = np.random.default_rng(3).random(psi.shape) < 0.4
    hio = np.where(support, projected, psi - BETA * projected)
    np.testing.assert_allclose(_updated("HIO", psi, projected, support)[0], hio, atol=1e-5)
    np.testing.assert_array_equal(_updated("ER", psi, projected, support)[0], np.where(support, projected, 0))
    np.testing.assert_array_equal(_updated("SF", psi, projected, support)[0], np.where(support, projected, -projected))


def test_free_islands() -> None:
    seed = np.random.SeedSequence(5)
    free = free_islands((48, 40, 44), 0.05, 3, 0.05, seed)
    assert free.mean() == pytest.approx(0.05, abs=0.015)
    assert not free[23:26, 19:22, 21:24].any()
    np.testing.assert_array_equal(free, free_islands((48, 40, 44), 0.05, 3, 0.05, np.random.SeedSequence(5)))


def test_alignment_finds_shift_phase_and_twin() -> None:
    reference = _blob((32, 30, 28)) * (1 + 0.3 * np.roll(_blob((32, 30, 28)), 3, 0))
    moved = shifted(scipy.fft.fftn(twin(reference)), (2.35, -1.6, 0.25), complex(np.exp(1.1j)))
    back, flipped = aligned(moved, reference)
    assert flipped
    assert abs(correlation(back, reference) - 1) < 1e-4


def test_twin_scatters_the_same() -> None:
    psi = _random((6, 7, 8), 1)
    np.testing.assert_allclose(np.abs(np.fft.fftn(twin(psi))), np.abs(np.fft.fftn(psi)), rtol=1e-4)


def test_fourier_crop_and_pad_are_inverse() -> None:
    psi = _blob((24, 28, 32))
    there = fourier_resized(psi, (48, 28, 40))
    np.testing.assert_allclose(fourier_resized(there, psi.shape), psi, atol=1e-6)


def test_carry_over_moves_the_pattern_with_the_window() -> None:
    psi = _blob((32, 32, 32))
    moved, _ = carry_over(
        psi, np.abs(psi) > 0.1, _volume(psi.shape, (4, 10, 7), (1, 1, 1)), _volume(psi.shape, (6, 9, 7), (1, 1, 1))
    )
    np.testing.assert_allclose(_intensity(moved), np.roll(_intensity(psi), (-2, 1, 0), (0, 1, 2)), atol=1e-2)


def test_carry_over_to_a_larger_window_and_coarser_binning() -> None:
    psi = _blob((64, 32, 32))
    support = np.abs(psi) > 0.1
    old, new = _volume(psi.shape, (0, 8, 8), (1, 1, 1)), _volume((32, 48, 48), (0, 0, 0), (2, 1, 1))
    carried, mask = carry_over(psi, support, old, new)
    assert carried.shape == mask.shape == (32, 48, 48)
    intensity = _intensity(carried)
    assert np.unravel_index(int(intensity.argmax()), intensity.shape)[1:] == (24, 24)
    # the same voxel along frames, a finer one across: support volume in new voxels
    assert mask.sum() == pytest.approx(support.sum() * 1.5**2, rel=0.1)


def test_supports() -> None:
    crystal = np.zeros((32, 32, 32), np.complex64)
    crystal[9:20, 11:22, 10:19] = 1
    recipe = Recipe()
    everywhere = np.ones(crystal.shape, bool)
    found = shrink_wrap(crystal, everywhere, 1.0, 0.3, recipe, dilate=False)
    assert np.mean(found[np.abs(crystal) > 0]) > 0.98
    assert offset_from_center(found) == (-2, 0, -2)
    nothing = shrink_wrap(np.zeros_like(crystal), everywhere, 1.0, 0.3, recipe, dilate=False)
    assert nothing.any()
    noisy = Recipe(largest_component=False)
    noise = shrink_wrap(_random((32, 32, 32), 1), everywhere, 2.0, 0.01, noisy, dilate=False)
    assert 0 < noise.mean() <= recipe.largest_support + 0.01
    amplitude = np.abs(np.fft.fftn(crystal)).astype(np.float32)
    start = first_support(Pattern(amplitude, np.zeros(amplitude.shape, np.uint8)), Recipe())
    assert 0.3 < start.sum() / 1089 < 4
