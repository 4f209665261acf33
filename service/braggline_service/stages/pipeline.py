"""The stages between a rocking curve and a strain map: prepare, phase, strain. Both doors go through here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from braggline_models.phase_retrieval import Ensemble, Progress, Recipe, parse
from braggline_models.phase_retrieval.backend import backend
from braggline_models.phase_retrieval.central_slice import central_slice, phase_slice
from braggline_models.phase_retrieval.schedule import ZERO, Schedule, needing_half
from braggline_models.preprocess import PrepareOptions, prepare
from braggline_models.results import Reconstruction, StrainField
from braggline_models.scan import PreparedVolume, RockingCurve, Sample
from braggline_models.strain import MapOptions, strain_field
from braggline_service.learned.chosen import chosen_models

PREVIEW_COARSER = 2  # a preview takes the inner part of the detector window: a quarter of the voxels, twice the pace

Stop = Callable[[], bool]


@dataclass(frozen=True)
class Pass:
    """What one pass gives: the volume it saw, the object, and its strain in the sample frame."""

    volume: PreparedVolume
    reconstruction: Reconstruction
    strain: StrainField


class Pipeline:
    """One crystal's phasing from the first frames to the last; objects and supports live on from pass to pass.

    The final pass begins before the last frame: what it does at half resolution knows only the inner half of reciprocal
    space, and that is complete as soon as the middle half of the frames is.

    also: further scans of the crystal, added to every curve once it is all there.
    """

    def __init__(
        self,
        recipe: Recipe,
        seed: int,
        threads: int,
        device: str = "cpu",
        sample: Sample | None = None,
        also: Sequence[RockingCurve] = (),
    ) -> None:
        self.also = also
        self.recipe = recipe
        self.seed = seed
        self.threads = threads
        self.device = backend(device)
        self.sample = sample or Sample()
        self.map_options = MapOptions(
            recipe.isosurface, recipe.apodisation, material=self.sample.material, threads=threads
        )
        self.models, self.model_flags = chosen_models(recipe.learned)
        self._ensemble: Ensemble | None = None
        self._window_px = (0, 0)
        self._last: Schedule = ()  # of the final pass, chosen when it begins
        self._half: Iterator[Progress] | None = None

    def preview(self, curve: RockingCurve, runs: int, stop: Stop | None = None) -> Pass | None:
        """A short pass over what is measured so far; None if `stop` ended it."""
        schedule, largest_px = parse(self.recipe.live), self.recipe.largest_px // PREVIEW_COARSER
        if self._half is not None:  # what is left of the final pass, on what there is
            schedule, largest_px = (ZERO, *self._last[needing_half(self._last) :]), self.recipe.largest_px
        volume = self._prepared(curve, largest_px)
        ensemble = self._begun(runs)
        ensemble.update(volume)
        for _ in ensemble.advance(schedule, stop):
            pass
        return None if stop and stop() else self._pass(volume, final=False)

    def ripe(self, curve: RockingCurve) -> bool:
        """True where the final pass can begin and has not: the middle half of the frames is there."""
        n = len(curve.measured)
        there = self._half is None and bool(curve.measured[n // 4 : n - n // 4].all())
        return there and needing_half(self._final_schedule()) > 0

    def begin_final(self, curve: RockingCurve, stop: Stop | None = None) -> Iterator[Progress]:
        """The final pass as far as the inner half leads; what is left of it when the frames end, finish() does."""
        self._last = self._final_schedule()
        ensemble = self._begun()
        ensemble.update(self._prepared(curve, self.recipe.largest_px))
        self._half = ensemble.advance(self._last, stop, last=needing_half(self._last))
        return self._half

    def first_look(self, curve: RockingCurve) -> Reconstruction:
        """The brightest frame phased in 2D, in a fraction of a second: the first look at the crystal."""
        window = max(self._window_px) or self.recipe.largest_px
        options = replace(self._options(window), bin_frames=1)
        frame = central_slice(prepare(curve, options))
        return phase_slice(frame, self.recipe, self.seed, max(1, self.threads // 2))

    def finish(
        self, curve: RockingCurve, stop: Stop | None = None, show_unrefined: bool = False
    ) -> Iterator[Progress | Pass]:
        """The final pass, from where the previews left off or from scratch: yields Progress, at last the refined Pass;
        where somebody waits for it, the Pass before refining too, as soon as there is one."""
        self._last = self._last or self._final_schedule()
        ensemble = self._begun()
        ensemble.threads = self.threads
        yield from self._half or ()
        volume = self._prepared(curve, self.recipe.largest_px, self.also)
        ensemble.update(volume)
        yield from ensemble.advance(self._last, stop, first=needing_half(self._last) if self._half is not None else 0)
        if stop and stop():
            return
        if self.recipe.refine:
            if show_unrefined:
                yield self._pass(volume, final=False)
            yield from ensemble.advance(self.recipe.refine, stop)
        if not (stop and stop()):
            yield self._pass(volume, final=True)

    def _final_schedule(self) -> Schedule:
        return parse(self.recipe.schedule if self._ensemble is None else self.recipe.polish)

    def _begun(self, runs: int | None = None) -> Ensemble:
        """The ensemble; made with `runs` runs, by default the recipe's, where there is none yet."""
        if self._ensemble is None:
            spare = max(1, self.threads // 2)  # while frames arrive, the scan needs a core where it shares the machine
            self._ensemble = Ensemble(self.recipe, self.seed, spare, runs, self.device)
        return self._ensemble

    def _prepared(self, curve: RockingCurve, largest_px: int, also: Sequence[RockingCurve] = ()) -> PreparedVolume:
        volume = prepare(curve, replace(self._options(largest_px), at_least_px=self._window_px), also)
        self._window_px = (volume.intensity.shape[1], volume.intensity.shape[2])
        return volume

    def _options(self, largest_px: int) -> PrepareOptions:
        recipe = self.recipe
        return PrepareOptions(
            largest_px=largest_px,
            background_counts=recipe.background_counts,
            cleaning=recipe.cleaning,
            normalise=recipe.normalise,
            models=self.models,
            fill_gaps=recipe.fill_gaps,
        )

    def _pass(self, volume: PreparedVolume, final: bool) -> Pass:
        assert self._ensemble is not None
        reconstruction = self._ensemble.reconstruction(final)
        if not final:  # its uncertainty would take longer than the map itself
            reconstruction = replace(reconstruction, runs=reconstruction.runs[:0].copy())
        return Pass(volume, reconstruction, strain_field(reconstruction, volume, self.map_options))
