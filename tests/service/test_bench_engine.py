"""The engine's two benchmarks on sizes that CI can afford: their rows, their refusals, and one bin's success."""

from __future__ import annotations

import pytest

from braggline_models.errors import BadInput
from braggline_models.phase_retrieval import Recipe
from braggline_service.bench import engine, success

KEYS = {
    "shape", "algorithm", "threads", "iteration_cpu_s", "iteration_wall_s", "fft_pair_cpu_s", "fft", "ratio",
    "peak_bytes",
}  # fmt: skip


def test_the_rows_of_the_engine() -> None:
    rows = engine.run(["32x32x32"], ["HIO", "DM"], [1, 2])["rows"]
    assert [(row["algorithm"], row["threads"]) for row in rows] == [("HIO", 1), ("HIO", 2), ("DM", 1), ("DM", 2)]
    for row in rows:
        assert set(row) >= KEYS
        assert row["ratio"] == pytest.approx(row["iteration_cpu_s"] / row["fft_pair_cpu_s"])
        assert 1 < row["peak_arrays"] < 12  # small volumes: the arrays of the shrink-wrap count


def test_a_run_stays_within_six_volumes() -> None:
    """At 96^3, as the bar says for every size that matters."""
    peak = engine._peak_bytes((96, 96, 96), "HIO")
    assert peak < 6 * 8 * 96**3


@pytest.mark.parametrize(("shapes", "algorithms"), [(["32x32"], ["HIO"]), (["32x32x32"], ["MAGIC"])])
def test_what_cannot_be_measured_is_refused(shapes: list[str], algorithms: list[str]) -> None:
    with pytest.raises(BadInput):
        engine.run(shapes, algorithms)


def test_trials_repeat_and_mostly_succeed() -> None:
    """Five crystals of 5-6 rad by their seeds: the same figures twice for one of them, four found at least."""
    trials = [success.Trial(3, 32, seed, Recipe()) for seed in range(30_000, 30_005)]
    found = [success.tried(trial)[0] for trial in trials]
    assert success.tried(trials[0])[0] == found[0]
    assert sum(value > success.ENOUGH for value in found) >= 4


def test_a_crystal_that_was_phased_while_it_was_measured_comes_back() -> None:
    assert success.tried(success.Trial(1, 48, 10_000, Recipe(), live=True))[0] > success.ENOUGH
