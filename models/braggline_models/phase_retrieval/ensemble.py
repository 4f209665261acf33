"""Several runs over one volume that may still grow, and the object that they agree on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from braggline_models.errors import BadInput
from braggline_models.phase_retrieval.align import aligned
from braggline_models.phase_retrieval.backend import CPU, Backend
from braggline_models.phase_retrieval.carry import carry_over, same_grid
from braggline_models.phase_retrieval.merge import Merged, kept_runs, merged
from braggline_models.phase_retrieval.pattern import Pattern, free_islands, pattern_of
from braggline_models.phase_retrieval.recipe import Recipe
from braggline_models.phase_retrieval.run import Outcome, Run, Stop, never
from braggline_models.phase_retrieval.schedule import SHRINK_WRAP, Schedule, chunks, iterations, parse
from braggline_models.phase_retrieval.transfer import shell_correlation, transfer
from braggline_models.results import Quality, Reconstruction
from braggline_models.scan import PreparedVolume

AGREE = 0.9  # below, the runs are told to disagree


@dataclass(frozen=True)
class Progress:
    """Where an advance stands: iterations done and planned, and the best run's LLK a voxel."""

    iteration: int
    total: int
    llk: float
    free_llk: float


class Ensemble:
    """Runs that share the data and the held-out voxels but nothing else; same seed and input give the same bits."""

    def __init__(self, recipe: Recipe, seed: int, threads: int, runs: int | None = None, device: Backend = CPU) -> None:
        if runs is not None and runs < 1:
            raise BadInput(f"{runs} runs; give at least 1")
        self.recipe = recipe
        self.seed = seed
        self.threads = max(threads, 1)
        self.device = device
        self._n_first = recipe.runs if runs is None else runs
        self._spawned = self._dropped = 0
        self._runs: list[Run] = []
        self._volume: PreparedVolume | None = None
        self._pattern: Pattern | None = None
        self._iterations = 0

    def update(self, volume: PreparedVolume) -> None:
        """Take new data; objects and supports are kept, moved to the new window where it has changed."""
        free = free_islands(
            volume.intensity.shape,
            self.recipe.free_fraction,
            self.recipe.free_radius_px,
            self.recipe.free_center,
            np.random.SeedSequence(self.seed, spawn_key=(0,)),
        )
        pattern = pattern_of(volume, free)
        with ThreadPoolExecutor(self.threads, "phasing") as pool:
            list(pool.map(lambda run: self._renewed(run, volume, pattern), self._runs))
        self._volume, self._pattern = volume, pattern

    def _renewed(self, run: Run, volume: PreparedVolume, pattern: Pattern) -> None:
        run.to_full()
        carried = run.psi, run.support
        if self._volume is not None and not same_grid(self._volume, volume):
            carried = carry_over(run.psi, run.support, self._volume, volume)
        run.replace_pattern(pattern, carried if np.any(carried[0]) and carried[1].any() else None)

    def advance(
        self, schedule: str | Schedule, stop: Stop | None = None, first: int = 0, last: int | None = None
    ) -> Iterator[Progress]:
        """Take every run through `schedule`; yields after each piece, ends early (between iterations) on `stop`.

        first, last: only these steps of it, schedule[first:last]; what was done of it before still counts.
        """
        steps = parse(schedule) if isinstance(schedule, str) else schedule
        stop, total, wraps = stop or never, iterations(steps), max(_wraps(steps) - 1, 1)
        if not self._runs:
            self._spawn(self._n_first)
        for run in self._runs:
            run.state.zero_unknown = False  # ZERO holds for its schedule, be it to the end or stopped
        done, wrapped = iterations(steps[:first]), _wraps(steps[:first])
        for chunk in chunks(steps[first:last]):
            if stop():
                return
            if chunk[0].name in _AMONG_RUNS:
                _AMONG_RUNS[chunk[0].name](self)
            self._execute(chunk, wrapped / wraps, stop)
            wrapped += chunk[0].name == SHRINK_WRAP
            done += iterations(chunk)
            if iterations(chunk):
                yield self._progress(done, total)
        self._iterations += iterations(steps[first:last])

    def _execute(self, chunk: Schedule, share: float, stop: Stop) -> None:
        """One piece by all runs; by as many threads as there may be now, of the priority that holds now."""
        with ThreadPoolExecutor(self.threads, "phasing") as pool:
            list(pool.map(lambda run: run.execute(chunk, share, stop), self._runs))

    def reconstruction(self, final: bool) -> Reconstruction:
        """The object of the runs that are kept, by free LLK; judged as physics asks for. BadInput without data."""
        if self._pattern is None or self._volume is None or not self._runs:
            raise BadInput("nothing to reconstruct: update() and advance() come first")
        with ThreadPoolExecutor(self.threads, "phasing") as pool:
            outcomes = list(pool.map(Run.outcome, self._runs))
        kept = kept_runs(outcomes, self.recipe.keep, self.recipe.most_outside)
        if not kept:
            raise BadInput(f"{self._volume.name}: every run diverged; raise the threshold or check the data")
        result = merged(kept, self.threads)
        prtf = transfer(result.psi, self._pattern, self._volume.q_step_per_m)
        fsc = np.zeros(0)
        if final and len(kept) > 1:  # nobody looks at the halves of a preview
            even, odd = (result.runs[k::2].mean(axis=0) for k in (0, 1))
            fsc = shell_correlation(even, odd, self._volume.q_step_per_m)[: prtf.value.size]
        quality = Quality(
            llk=result.best.llk,
            free_llk=result.best.free_llk,
            agreement=result.agreement,
            mode_weight=result.mode_weight,
            pairwise=result.pairwise,
            prtf=prtf.value,
            prtf_q_per_m=prtf.q_per_m,
            fsc=fsc,
            resolution_m=prtf.resolution_m,
            runs_kept=len(kept),
            runs_total=len(self._runs) + self._dropped,
            flags=(*_flags(result, kept, self.recipe), *self._warnings()),
        )
        return Reconstruction(
            object_=result.object_,
            support=result.support,
            runs=result.runs,
            quality=quality,
            recipe=self.recipe.as_mapping(),
            seed=self.seed,
            iterations=self._iterations,
            final=final,
        )

    def _warnings(self) -> list[str]:
        """What was wrong with the data or on the way."""
        assert self._volume is not None
        found, volume = [], self._volume
        start, bins = np.array(volume.crop_start_px), np.array(volume.binning)
        center = np.round((np.array(volume.peak_px) - start) / bins).astype(int)
        near = tuple(slice(max(c - 1, 0), c + 2) for c in center)
        if volume.mask[near].size and volume.mask[near].all():
            found.append("the mask hides the Bragg peak: the object lacks its mean, move the peak off the gap")
        restarts = sum(run.restarts for run in self._runs)
        if restarts:
            found.append(f"{restarts} run(s) diverged and were started anew")
        return found

    def _fresh(self) -> None:
        self._spawn(self.recipe.runs - len(self._runs))

    def _ranked(self) -> list[Run]:
        """Best first, by the free LLK of the last projection; what is not a number comes last."""
        return sorted(self._runs, key=lambda run: np.nan_to_num(run.state.free_llk, nan=np.inf))

    def _select(self) -> None:
        """The better half goes on, two runs at least, with the best one's threshold: that is where the budget pays."""
        ranked = self._ranked()
        best = ranked[: max(min(len(ranked), 2), (len(ranked) + 1) // 2)]
        self._dropped += len(ranked) - len(best)
        self._runs = [run for run in self._runs if run in best]
        for run in self._runs:
            run.threshold = best[0].threshold

    def _breed(self) -> None:
        """Each run of the worse half becomes the mean of itself, laid onto the best run, and the best run.

        Source of the idea: guided phase retrieval, Chen, Miao et al., Phys. Rev. B 76, 064113 (2007).
        """
        ranked = self._ranked()
        best = ranked[0]
        for worse in ranked[(len(ranked) + 1) // 2 :]:
            laid = aligned(worse.psi, best.psi)[0]
            worse.replace_object((0.5 * (laid + best.psi)).astype(np.complex64), best.support)

    def _spawn(self, n: int) -> None:
        """Add `n` runs from scratch; the k-th run of a seed always has the same random numbers."""
        if self._pattern is None:
            raise BadInput("nothing to phase: update() comes before advance()")
        for _ in range(max(n, 0)):
            seed = np.random.SeedSequence(self.seed, spawn_key=(1, self._spawned))
            threshold = self.recipe.threshold_of_run(self._spawned)
            self._runs.append(Run(self.recipe, self._pattern, seed, threshold, self.device))
            self._spawned += 1

    def _progress(self, done: int, total: int) -> Progress:
        best = min((run.state for run in self._runs), key=lambda state: state.free_llk)
        return Progress(done, total, best.llk, best.free_llk)


_AMONG_RUNS = {"FRESH": Ensemble._fresh, "SELECT": Ensemble._select, "BREED": Ensemble._breed}


def _wraps(schedule: Schedule) -> int:
    return sum(step.name == SHRINK_WRAP for step in schedule)


def _flags(result: Merged, kept: list[Outcome], recipe: Recipe) -> tuple[str, ...]:
    flags = ["twin unresolved"]
    edges = [np.take(result.support, [0, -1], axis=axis).any() for axis in range(3)]
    if any(edges):
        flags.append("support touches the edge: sample more finely")
    if result.support.mean() >= 0.95 * recipe.largest_support:
        flags.append(f"the support fills its limit, {recipe.largest_support:.0%} of the volume: sample more finely")
    if kept[0].outside > recipe.most_outside:
        flags.append(f"{kept[0].outside:.0%} of the intensity of the best run lies outside its support")
    if len(kept) == 1:
        flags.append("one run kept: nothing to compare it with")
    elif result.agreement < AGREE:
        flags.append(f"runs disagree: agreement {result.agreement:.2f}")
    return tuple(flags)
