"""The first look: one frame phased in 2D, which is the crystal seen along the rocking direction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from braggline_models.errors import BadInput
from braggline_models.phase_retrieval.ensemble import Ensemble
from braggline_models.phase_retrieval.recipe import Recipe
from braggline_models.results import Reconstruction
from braggline_models.scan import PreparedVolume

SCHEDULE = "(HIO**30,RAAR**10,SW)**6,(RAAR**20,SW)**2,ER**20"
RUNS = 4


def central_slice(volume: PreparedVolume) -> PreparedVolume:
    """The frame with the most counts, as a volume of one frame. BadInput where there is none.

    By the projection theorem its inverse Fourier transform is the object summed along the first axis of direct space.
    """
    counts = volume.intensity.sum(axis=(1, 2), dtype=np.float64)
    k = int(np.argmax(counts))
    if counts[k] <= 0:
        raise BadInput(f"{volume.name}: no frame with a count; nothing to phase")
    start = (volume.crop_start_px[0] + k * volume.binning[0], *volume.crop_start_px[1:])
    return replace(
        volume, intensity=volume.intensity[k : k + 1], mask=volume.mask[k : k + 1], crop_start_px=start, frames_used=1
    )


def phase_slice(frame: PreparedVolume, recipe: Recipe, seed: int, threads: int) -> Reconstruction:
    """The object of a volume of one frame: (1, row, column), phase and support as of a 3D reconstruction."""
    ensemble = Ensemble(replace(recipe, runs=RUNS, keep=0.5), seed, threads)
    ensemble.update(frame)
    for _ in ensemble.advance(SCHEDULE):
        pass
    return ensemble.reconstruction(final=False)
