"""The stages between a rocking curve and a strain map: prepare, phase, strain. Both doors go through here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from braggline_models.phase_retrieval import Ensemble, Progress, Recipe
from braggline_models.phase_retrieval.backend import backend
from braggline_models.phase_retrieval.central_slice import central_slice, phase_slice
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

    def preview(self, curve: RockingCurve, runs: int, stop: Stop | None = None) -> Pass | None:
        """A short pass over what is measured so far; None if `stop` ended it."""
        volume = self._prepared(curve, self.recipe.largest_px // PREVIEW_COARSER)
        if self._ensemble is None:
            spare = max(1, self.threads // 2)  # the scan itself needs a core where it shares the machine
            self._ensemble = Ensemble(self.recipe, self.seed, spare, runs, self.device)
        self._ensemble.update(volume)
        for _ in self._ensemble.advance(self.recipe.live, stop):
            pass
        return None if stop and stop() else self._pass(volume, final=False)

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
        volume = self._prepared(curve, self.recipe.largest_px, self.also)
        schedule = self.recipe.schedule if self._ensemble is None else self.recipe.polish
        if self._ensemble is None:
            self._ensemble = Ensemble(self.recipe, self.seed, self.threads, device=self.device)
        self._ensemble.threads = self.threads
        self._ensemble.update(volume)
        yield from self._ensemble.advance(schedule, stop)
        if stop and stop():
            return
        if self.recipe.refine:
            if show_unrefined:
                yield self._pass(volume, final=False)
            yield from self._ensemble.advance(self.recipe.refine, stop)
        if not (stop and stop()):
            yield self._pass(volume, final=True)

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
