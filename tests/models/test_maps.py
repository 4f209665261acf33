"""Maps: frames reduced to numbers, crystals found in any order of points, growing maps."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.maps import CrystalMap, FrameValues, empty_map, find_crystals, patch, reduced, renumbered
from braggline_models.maps.crystal_map import spacing_m
from braggline_models.maps.find import substrate

STEP_M = (100e-9, 80e-9)
CRYSTALS_M = np.array([[0.62e-6, 0.53e-6], [1.51e-6, 0.41e-6], [1.18e-6, 1.13e-6]])
HEIGHTS = np.array([4000.0, 900.0, 150.0])
WIDTH_M = 110e-9  # sigma of crystal and beam together


def places(kind: str) -> NDArray[np.float64]:
    if kind == "grid":
        steps = [np.arange(22) * STEP_M[0], np.arange(20) * STEP_M[1]]
        return np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 2)
    golden = np.arange(1, 441)[:, None] * np.array([0.7548776662, 0.5698402910])  # points that no grid holds
    return (golden % 1.0) * np.array([2.1e-6, 1.52e-6])


def value(counts: float, background: float = 20.0) -> FrameValues:
    return FrameValues(counts, counts, background, counts / 10, 30.0, 31.0, 2.0, 2.0)


def mapped(rng: np.random.Generator, kind: str, heights: NDArray[np.float64] = HEIGHTS) -> CrystalMap:
    at = places(kind)
    distance = np.square(at[:, None] - CRYSTALS_M).sum(axis=2)
    expected = (heights * np.exp(-0.5 * distance / WIDTH_M**2)).sum(axis=1) + 20.0
    counts = rng.poisson(expected) - 20.0
    empty = empty_map("test", ("pix", "piy"), at)
    return empty.with_frames({k: value(float(c)) for k, c in enumerate(counts)})


@pytest.mark.parametrize("kind", ["grid", "scattered"])
def test_finds_each_crystal_between_the_points(kind: str) -> None:
    found = find_crystals(mapped(np.random.default_rng(1), kind))
    assert len(found) == 3
    assert [c.number for c in found] == [1, 2, 3]
    for candidate, true, height in zip(found, CRYSTALS_M, HEIGHTS, strict=True):
        assert np.abs(np.subtract(candidate.position_m, true)).max() < 0.35 * STEP_M[0]
        assert candidate.whole
        assert candidate.extent_m[0] == pytest.approx(2.355 * WIDTH_M, rel=0.35)
        assert candidate.counts == pytest.approx(
            height * 2 * np.pi * WIDTH_M**2 / np.prod(spacing_m(places(kind))), rel=0.25
        )
        assert candidate.peak_px == pytest.approx((30.0, 31.0))


def test_the_order_of_the_points_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    ordered = mapped(rng, "grid")
    order = rng.permutation(len(ordered.counts))
    shuffled = empty_map("test", ordered.axes, ordered.positions_m[order], ordered.step_m).with_frames(
        {i: value(float(ordered.counts[k])) for i, k in enumerate(order)}
    )
    a, b = find_crystals(ordered), find_crystals(shuffled)
    np.testing.assert_allclose([c.position_m for c in a], [c.position_m for c in b], rtol=1e-9)


def test_an_empty_substrate_has_no_crystal() -> None:
    for seed in range(20):
        assert find_crystals(mapped(np.random.default_rng(seed), "grid", np.zeros(3))) == ()


def test_the_substrate_is_told_beside_many_crystals() -> None:
    rng = np.random.default_rng(3)
    counts = rng.normal(5.0, 30.0, 3000)
    counts[:1000] += rng.exponential(3000.0, 1000)
    level, noise = substrate(counts)
    assert abs(level - 5.0) < 10.0
    assert noise == pytest.approx(30.0, rel=0.3)


def test_a_map_grows_and_its_crystals_keep_their_numbers() -> None:
    whole = mapped(np.random.default_rng(4), "grid")
    empty = empty_map("test", whole.axes, whole.positions_m)
    assert find_crystals(empty) == ()
    known: tuple = ()
    growing, numbers = empty, []
    for first in range(0, len(whole.counts), 40):
        arrived = range(first, min(first + 40, len(whole.counts)))
        growing = growing.with_frames({k: value(float(whole.counts[k])) for k in arrived})
        known = renumbered(find_crystals(growing), known, whole.step_m)
        numbers.append({c.number: c.position_m for c in known})
    assert sorted(numbers[-1]) == [1, 2, 3]
    first_seen = next(found for found in numbers if found)
    for number, position in first_seen.items():
        assert np.abs(np.subtract(numbers[-1][number], position)).max() < 4 * STEP_M[0]
    half = empty.with_frames({k: value(float(whole.counts[k])) for k in range(120)})
    assert [c.whole for c in find_crystals(half)] == [False]  # the scan stands in the middle of the first one


def test_a_patch_is_the_map_about_a_place() -> None:
    whole = mapped(np.random.default_rng(5), "grid")
    shown = patch(whole, (whole.positions_m[210][0], whole.positions_m[210][1]), 5)
    assert shown[0, 2, 2] == whole.counts[210]
    assert shown[0, 3, 2] == whole.counts[230]
    assert shown[3].all()
    corner = patch(whole, (0.0, 0.0), 5)
    assert not corner[3, :2].any()
    assert corner[3, 2:, 2:].all()


def test_a_frame_in_numbers() -> None:
    rng = np.random.default_rng(6)
    rows, columns = np.indices((64, 80))
    peak = 300 * np.exp(-0.5 * ((rows - 20.3) ** 2 / 4 + (columns - 51.6) ** 2 / 9))
    frame = rng.poisson(peak + 0.5)
    mask = np.zeros(frame.shape, bool)
    mask[:, 10] = True
    frame[:, 10] = 10_000
    values = reduced(frame, mask)
    assert values.counts == pytest.approx(peak[~mask].sum(), rel=0.02)
    assert values.peak_counts == pytest.approx(peak.sum(), rel=0.02)
    assert values.background == pytest.approx(0.5 * 64 * 79, rel=0.05)
    assert (values.row_px, values.column_px) == pytest.approx((20.3, 51.6), abs=0.1)
    assert (values.row_width_px, values.column_width_px) == pytest.approx((2.0, 3.0), rel=0.1)
    inside = reduced(frame, mask, (10, 40, 30, 70))
    assert (inside.row_px, inside.column_px) == pytest.approx((20.3, 51.6), abs=0.1)


def test_a_frame_without_counts_has_no_peak() -> None:
    values = reduced(np.zeros((9, 9)), np.zeros((9, 9), bool))
    assert values.counts == 0
    assert np.isnan(values.row_px)


def test_bad_input_is_told() -> None:
    frame, mask = np.zeros((9, 9)), np.zeros((9, 9), bool)
    with pytest.raises(BadInput, match="leaves the frame"):
        reduced(frame, mask, (0, 10, 0, 9))
    with pytest.raises(BadInput, match="no pixel holds data"):
        reduced(frame, ~mask)
    with pytest.raises(BadInput, match="both motors must move"):
        empty_map("still", ("pix", "piy"), np.zeros((5, 2)))
    with pytest.raises(BadInput, match="no point 99"):
        empty_map("short", ("pix", "piy"), places("grid")[:40]).with_frames({99: value(1.0)})
