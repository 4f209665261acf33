"""What is found in the map of a known crystal: frames, faces, lattice parameter, and no defect where there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from dislocated import dislocated
from known_crystal import simulated

from braggline_models.phase_retrieval import Recipe
from braggline_models.scan import Sample
from braggline_service.nexus import read_result, write_result
from braggline_service.report import write_report
from braggline_service.settings import load_settings
from braggline_service.stages.result import run_curve
from braggline_service.stages.summary import summary_values


@pytest.mark.slow
def test_a_result_tells_what_is_in_it(tmp_path: Path) -> None:
    curve, truth = simulated(0)
    result = run_curve(curve, load_settings(), Recipe(), 0, 2, sample=Sample("Pt", (1, 1, 1), (1, -1, 0)))
    assert set(result.frames) == {"lab", "crystal"}
    strains = [field.strain_rms for field in (result.strain, *result.frames.values())]
    assert strains == pytest.approx([strains[0]] * 3, rel=0.05)
    crystal = result.frames["crystal"].q_bragg_per_m
    assert crystal / np.linalg.norm(crystal) == pytest.approx(np.ones(3) / np.sqrt(3))
    assert len(result.facets.facets) >= 8
    assert result.defects.searched
    assert result.defects.lines == ()
    values = summary_values(result)
    true_m = 2 * np.pi / np.linalg.norm(truth.volume.q_bragg_per_m) * np.sqrt(3)
    assert values["lattice_parameter_m"] == pytest.approx(true_m, rel=1e-4)
    assert 1e-6 < values["uncertainty_median"] < 1e-4
    for field in result.frames.values():
        assert np.nanmedian(field.uncertainty) == pytest.approx(values["uncertainty_median"], rel=0.05)
        assert np.array_equal(np.isfinite(field.uncertainty), np.isfinite(field.strain))
    assert values["facets"][0]["hkl"] != [0, 0, 0]

    write_result(tmp_path / "out.h5", result)
    write_report(tmp_path / "out.html", result)
    again = read_result(tmp_path / "out.h5")
    assert set(again.frames) == {"lab", "crystal"}
    assert [facet.hkl for facet in again.facets.facets] == [facet.hkl for facet in result.facets.facets]
    assert "None visible in this reflection" in (tmp_path / "out.html").read_text()


@pytest.mark.slow
def test_a_peak_that_is_not_the_reflection_is_told() -> None:
    curve, _ = simulated(0)
    recipe = Recipe(runs=2, schedule="HALF,(HIO**20,SW)**4,FULL,ER**10", refine="")
    result = run_curve(curve, load_settings(), recipe, 0, 2, sample=Sample("Au", (2, 0, 0)))
    assert any("the Bragg peak is not (2, 0, 0): d = " in flag for flag in result.flags)


@pytest.mark.slow
@pytest.mark.parametrize("learned", [(), ("defects",)])
@pytest.mark.parametrize("kind", ["screw", "edge"])
def test_a_dislocation_is_named_in_file_and_report(kind: str, learned: tuple[str, ...], tmp_path: Path) -> None:
    curve, direction = dislocated(kind, 1)
    result = run_curve(curve, load_settings(), Recipe(learned=learned), 0, 2, sample=Sample("Pt", (1, 1, 1)))
    assert [line.kind for line in result.defects.lines] == [kind]
    assert not any("stands back" in flag for flag in result.flags)
    (line,) = result.defects.lines
    assert line.g_dot_b == 1.0
    assert abs(float(np.dot(line.direction, direction))) > np.cos(np.radians(10.0))
    assert summary_values(result)["defects"]["lines"][0]["kind"] == kind

    write_result(tmp_path / "out.h5", result)
    write_report(tmp_path / "out.html", result)
    again = read_result(tmp_path / "out.h5")
    assert [each.kind for each in again.defects.lines] == [kind]
    assert again.defects.planes == result.defects.planes == ()
    assert kind in (tmp_path / "out.html").read_text()
