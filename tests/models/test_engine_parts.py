"""What an ensemble does among its runs and with part of the data: selection, breeding, zeros, first look, foresight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.phase_retrieval import Ensemble, Recipe
from braggline_models.phase_retrieval.align import agreement
from braggline_models.phase_retrieval.carry import foreseen
from braggline_models.phase_retrieval.central_slice import central_slice, phase_slice
from braggline_models.phase_retrieval.schedule import chunks, needing_half, parse
from braggline_models.phase_retrieval.support import shrink_wrap
from braggline_models.simulate.known import known_crystal

KNOWN = known_crystal(32, 2.0, False, 5)


def _ensemble(schedule: str, **recipe: object) -> Ensemble:
    ensemble = Ensemble(Recipe.from_mapping(recipe), 0, 2)
    ensemble.update(KNOWN.volume)
    list(ensemble.advance(schedule))
    return ensemble


def test_selection_keeps_the_better_half_and_its_threshold() -> None:
    ensemble = _ensemble("(HIO**20,SW)**3")
    best = min(ensemble._runs, key=lambda run: run.state.free_llk)
    likelihoods = sorted(run.state.free_llk for run in ensemble._runs)
    list(ensemble.advance("SELECT,ER**1"))
    assert [len(ensemble._runs), ensemble.reconstruction(True).quality.runs_total] == [4, 8]
    assert {run.threshold for run in ensemble._runs} == {best.threshold}
    assert best in ensemble._runs
    assert likelihoods[3] < likelihoods[4]


def test_breeding_moves_the_worse_half_to_the_best() -> None:
    ensemble = _ensemble("(HIO**20,SW)**2", runs=4)
    ranked = ensemble._ranked()
    before = [agreement(run.psi, ranked[0].psi) for run in ranked]
    ensemble._breed()
    after = [agreement(run.psi, ranked[0].psi) for run in ranked]
    assert after[:2] == pytest.approx(before[:2])
    assert all(now > then for now, then in zip(after[2:], before[2:], strict=True))


def test_zero_holds_for_its_schedule_only() -> None:
    """Also where the schedule is stopped before a FLOAT."""
    ensemble = _ensemble("ER**5", runs=2)
    list(ensemble.advance("ZERO,ER**5"))
    assert all(run.state.zero_unknown for run in ensemble._runs)
    list(ensemble.advance("ER**5"))
    assert not any(run.state.zero_unknown for run in ensemble._runs)


def test_a_schedule_in_two_pieces_gives_the_bits_of_the_whole() -> None:
    schedule = "(HIO**10,SW)**2,SELECT,(RAAR**10,SW)**2,ER**5"
    whole, pieces = _ensemble(schedule), Ensemble(Recipe(), 0, 2)
    pieces.update(KNOWN.volume)
    list(pieces.advance(schedule, last=5))
    (*_, progress) = pieces.advance(schedule, first=5)
    assert (progress.iteration, progress.total) == (45, 45)
    first, second = (each.reconstruction(True) for each in (whole, pieces))
    np.testing.assert_array_equal(first.object_, second.object_)
    assert first.iterations == second.iterations == 45


def test_what_needs_half_of_reciprocal_space_ends_with_full() -> None:
    assert [needing_half(parse(text)) for text in ("FRESH,HALF,(HIO**3,SW)**2,FULL,ER**2", "HALF,ER**2")] == [7, 0]
    assert needing_half(parse("ER**1,HALF,ER**2,FULL,ER**2")) == 0
    assert needing_half(parse("FULL,ER**1,HALF,ER**2")) == 0


def test_steps_with_a_memory_stay_in_one_piece() -> None:
    pieces = [chunk[0].count for chunk in chunks(parse("HIO**50,MEAN**50,GPS**30,ML**25,DETWIN**45"))]
    assert pieces == [20, 20, 10, 50, 30, 25, 45]


def test_the_mean_of_iterates_is_closer_to_the_truth_than_the_last() -> None:
    found = {}
    for last in ("RAAR**60", "MEAN**60"):
        result = _ensemble(f"(HIO**30,RAAR**10,SW)**8,{last}").reconstruction(True)
        found[last] = agreement(result.object_, KNOWN.object_)
    assert found["MEAN**60"] > found["RAAR**60"] - 0.002
    assert found["MEAN**60"] > 0.98


@pytest.mark.parametrize("kind", ["gaussian", "richardson-lucy"])
def test_partial_coherence_through_a_recipe(kind: str) -> None:
    """Counts blurred by half a pixel: fitted, the free likelihood falls."""
    from braggline_models.phase_retrieval.coherence import Coherence

    amplitude = np.sqrt(np.fft.ifftshift(KNOWN.volume.intensity)).astype(np.complex64)
    blurred = np.fft.fftshift(Coherence(amplitude.shape, 0.5).blurred(amplitude)).astype(np.float32)
    quality = []
    for coherence in ("none", kind):
        recipe = Recipe.from_mapping({"coherence": coherence, "runs": 4})
        ensemble = Ensemble(recipe, 0, 2)
        ensemble.update(replace(KNOWN.volume, intensity=blurred))
        list(ensemble.advance("(HIO**30,RAAR**10,SW)**6,PSF,(RAAR**20,SW)**3,PSF,(RAAR**20,SW)**2,ER**20"))
        quality.append(ensemble.reconstruction(True).quality.free_llk)
    assert quality[1] < 0.8 * quality[0]


def test_the_first_look_is_the_crystal_along_the_rocking_direction() -> None:
    """Of the brightest frame alone; the truth is the inverse transform of that frame of the true spectrum."""
    frame = central_slice(KNOWN.volume)
    assert frame.intensity.shape == (1, 32, 32)
    index = frame.crop_start_px[0]
    spectrum = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(np.conj(KNOWN.object_))))[index : index + 1]
    projected = np.conj(np.fft.fftshift(np.fft.ifftn(np.fft.ifftshift(spectrum)))).astype(np.complex64)
    result = phase_slice(frame, Recipe(), 0, 1)
    assert result.object_.shape == (1, 32, 32)
    assert agreement(result.object_, projected) > 0.95
    with pytest.raises(BadInput, match="no frame with a count"):
        central_slice(replace(KNOWN.volume, intensity=np.zeros((32, 32, 32), np.float32)))


def test_a_preview_with_zeros_foresees_the_final_object() -> None:
    """Three quarters of the frames: held at zero they tell more of the final object than floating."""
    volume, told = KNOWN.volume, {}
    final = _ensemble(Recipe().schedule).reconstruction(True)
    mask = volume.mask.copy()
    mask[24:] = True
    seen = replace(volume, mask=mask, intensity=np.where(mask, 0, volume.intensity).astype(np.float32))
    for mark in ("ZERO", "FLOAT"):
        ensemble = Ensemble(Recipe(), 0, 2, runs=2)
        ensemble.update(seen)
        for _ in range(4):
            list(ensemble.advance(f"{mark},LOOSE,(HIO**30,RAAR**10,SW),RAAR**20,SW"))
        told[mark] = foreseen(ensemble.reconstruction(False), seen, final, volume)
    assert told["ZERO"] > 0.9
    assert told["ZERO"] > told["FLOAT"]
    assert foreseen(final, volume, final, volume) == pytest.approx(1.0, abs=1e-4)


def test_other_levels_and_borders_of_the_shrink_wrap() -> None:
    crystal = np.zeros((32, 32, 32), np.complex64)
    crystal[10:22, 10:22, 10:22] = 1
    crystal[10:22, 10:22, 10:14] = 0.3
    support = np.abs(crystal) > 0
    inside = np.abs(crystal[support])
    for of, level in (("max", 0.5), ("mean", 0.5 / inside.mean()), ("rms", 0.5 / np.sqrt(np.mean(inside**2)))):
        found = shrink_wrap(crystal, support, 0.0, level, Recipe(threshold_of=of), dilate=False)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found, np.abs(crystal) > 0.5)
    near = shrink_wrap(crystal, support, 0.0, 0.5, Recipe(border_px=2), dilate=False)
    assert not near[12:20, 12:20, 10:12].any()
    assert near[12:20, 12:20, 12:14].all()


def test_what_is_wrong_with_the_data_is_named() -> None:
    mask = np.zeros((32, 32, 32), bool)
    mask[14:19, 14:19, 14:19] = True
    hidden = replace(KNOWN.volume, mask=mask, intensity=np.where(mask, 0, KNOWN.volume.intensity).astype(np.float32))
    ensemble = Ensemble(Recipe(runs=2), 0, 2)
    ensemble.update(replace(hidden, peak_px=(16.0, 16.0, 16.0)))
    list(ensemble.advance("(HIO**10,SW)**2"))
    assert any("the mask hides the Bragg peak" in flag for flag in ensemble.reconstruction(True).quality.flags)
    ensemble = _ensemble("(HIO**10,SW)**2", runs=3)
    ensemble._runs[0].state.psi[3, 3, 3] = np.nan
    list(ensemble.advance("(HIO**10,SW)**2,ER**10"))
    result = ensemble.reconstruction(True)
    assert any("1 run(s) diverged" in flag for flag in result.quality.flags)
    assert np.isfinite(result.object_).all()
    wide = _ensemble("(HIO**10,SW)**2", runs=2, threshold=0.01, largest_component=False, largest_support=0.05)
    assert any("the support fills its limit" in flag for flag in wide.reconstruction(True).quality.flags)
