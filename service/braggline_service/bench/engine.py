"""CPU time of an iteration over that of a forward and backward FFT by the fastest library on the machine."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from braggline_models.errors import BadInput
from braggline_models.phase_retrieval import Recipe, fft, parse
from braggline_models.phase_retrieval.formulas import FREE, MEASURED
from braggline_models.phase_retrieval.pattern import Pattern
from braggline_models.phase_retrieval.run import Run
from braggline_models.phase_retrieval.schedule import UPDATES

SHAPES = ("64x64x64", "128x128x128", "128x200x200")
WRAP_EVERY = 10
BLOCKS = 5  # measured; the quickest quarter is told: other programs only ever add time


def run(shapes: Sequence[str] = SHAPES, algorithms: Sequence[str] = ("HIO",), threads: Sequence[int] = (1,)) -> Any:
    """{"rows": [...]}: shrink-wrap every 10 iterations, LLK and free LLK in each; one run a thread."""
    rows = []
    for text in shapes:
        shape = _shape(text)
        pairs = {name: _fft_pair_s(shape, name) for name in fft.libraries()}
        fastest = min(pairs, key=lambda name: pairs[name])
        for name in algorithms:
            if name not in UPDATES:
                raise BadInput(f"unknown algorithm '{name}'; known are {', '.join(UPDATES)}")
            for n in threads:
                cpu_s, wall_s = _iteration_s(shape, name, n)
                peak = _peak_bytes(shape, name)
                rows.append({
                    "shape": list(shape), "algorithm": name, "threads": n,
                    "iteration_cpu_s": cpu_s, "iteration_wall_s": wall_s,
                    "fft_pair_cpu_s": pairs[fastest], "fft": fastest, "ratio": cpu_s / pairs[fastest],
                    "peak_bytes": peak, "peak_arrays": peak / (8 * int(np.prod(shape))),
                    "fft_pairs_cpu_s": pairs, "engine_fft": fft.libraries()[0],
                })  # fmt: skip
    return {"rows": rows}


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(part) for part in text.split("x"))
    except ValueError:
        shape = ()
    if len(shape) != 3 or not all(8 <= n <= 1024 for n in shape):
        raise BadInput(f"shape '{text}': write three sizes from 8 to 1024, such as 128x200x200")
    return shape


def _fft_pair_s(shape: tuple[int, ...], library: str) -> float:
    transform = fft.planned(shape, library)
    transform.array[...] = 1

    def pair() -> None:
        transform.forward()
        transform.backward()
        transform.array[0] = 1  # without rescaling numbers grow

    return _quickest(pair, max(int(2e7 / np.prod(shape)), 5))


def _quickest(call: Callable[[], None], times: int) -> float:
    call()
    taken = []
    for _ in range(times):
        begun = time.process_time()
        call()
        taken.append(time.process_time() - begun)
    return statistics.quantiles(taken, n=4)[0]


def _iteration_s(shape: tuple[int, ...], name: str, threads: int) -> tuple[float, float]:
    """CPU and wall time of one iteration of one run, `threads` runs side by side."""
    pattern = _pattern(shape)
    runs = [Run(Recipe(start="box"), pattern, np.random.SeedSequence(k), 0.25) for k in range(threads)]
    chunk = parse(f"{name}**{WRAP_EVERY},SW")
    cpu, wall = [], []
    with ThreadPoolExecutor(threads) as pool:
        for block in range(BLOCKS + 1):
            begun, cpu_begun = time.perf_counter(), time.process_time()
            list(pool.map(lambda run: run.execute(chunk, 1.0), runs))
            if block:
                wall.append((time.perf_counter() - begun) / WRAP_EVERY)
                cpu.append((time.process_time() - cpu_begun) / WRAP_EVERY / threads)
    return statistics.quantiles(cpu, n=4)[0], statistics.quantiles(wall, n=4)[0]


def _peak_bytes(shape: tuple[int, ...], name: str) -> int:
    """The most that one run holds at a time, the pattern's arrays included."""
    pattern = _pattern(shape)
    tracemalloc.start()
    try:
        run = Run(Recipe(start="box"), pattern, np.random.SeedSequence(0), 0.25)
        run.execute(parse(f"({name}**2,SW)**2"), 0.5)
        run.outcome()
        return tracemalloc.get_traced_memory()[1] + pattern.amplitude.nbytes + pattern.kind.nbytes
    finally:
        tracemalloc.stop()


def _pattern(shape: tuple[int, ...]) -> Pattern:
    """A ball of a third of the field of view, 1e7 photons, 5 % of the voxels held out."""
    rng = np.random.default_rng(0)
    pattern = Pattern(np.empty(shape, np.float32), np.full(shape, MEASURED, np.uint8))
    lines = [np.square((np.arange(n, dtype=np.float32) - n // 2) / n) for n in shape]
    square = lines[0][:, None, None] + lines[1][None, :, None] + lines[2]
    work = fft.planned(shape)
    work.array[...] = square < (1 / 6) ** 2
    work.forward()
    expected = np.square(np.abs(work.array))
    expected *= np.float32(1e7 / float(expected.sum(dtype=np.float64)))
    pattern.amplitude[...] = np.sqrt(rng.poisson(expected))
    pattern.kind.ravel()[rng.integers(0, square.size, square.size // 20)] = FREE
    return pattern
