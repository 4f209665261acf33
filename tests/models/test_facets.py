"""Faces of polyhedra whose planes are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from braggline_models.errors import BadInput
from braggline_models.facets import find_facets
from braggline_models.results import StrainField
from braggline_models.scan import Sample
from braggline_models.simulate.crystal import facet_normals, faceted_crystal

N, VOXEL_m = 56, 5e-9
STRAIN = 1e-4


def field(seed: int, q: np.ndarray) -> StrainField:
    line = np.arange(N) - N // 2
    points = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1)[..., ::-1].astype(float)
    density = faceted_crystal(points, 34.0, 1.0, np.random.default_rng(seed))
    noise = 0.02 * np.random.default_rng(1).normal(size=density.shape)
    amplitude = (gaussian_filter(density, 0.8) + noise).astype(np.float32)
    support = amplitude > 0.5
    strain = np.where(support, STRAIN, np.nan).astype(np.float32)
    return StrainField(amplitude, strain, strain, strain, strain, strain, support, VOXEL_m, q)


def orientation(seed: int) -> np.ndarray:
    """Columns [100], [010], [001] of the crystal of that seed."""
    return Rotation.random(rng=np.random.default_rng(seed)).as_matrix()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_face_is_found_to_half_a_degree(seed: int) -> None:
    report = find_facets(field(seed, np.array([0, 0, 2.8e10])))
    true = facet_normals(np.random.default_rng(seed))
    assert report.searched
    assert len(report.facets) == 14
    for facet in report.facets:
        assert np.rad2deg(np.arccos(np.clip((true @ facet.normal).max(), -1, 1))) < 0.5
        assert facet.hkl == (0, 0, 0), "no reflection was told"
        assert facet.strain_mean == pytest.approx(STRAIN, rel=1e-3)
        assert np.count_nonzero(report.labels == 1 + report.facets.index(facet)) == facet.voxels
    areas = [facet.area_m2 for facet in report.facets]
    assert areas == sorted(areas, reverse=True)


def test_the_faces_tell_the_turn_about_q() -> None:
    axes = orientation(0)
    q = 2.8e10 * axes @ np.ones(3) / np.sqrt(3)
    report = find_facets(field(0, q), Sample("Pt", (1, 1, 1)))
    assert report.axes_from == "facets"
    assert report.axes is not None
    assert report.axes @ np.ones(3) / np.sqrt(3) == pytest.approx(q / np.linalg.norm(q))
    kinds = {tuple(sorted(abs(index) for index in facet.hkl)) for facet in report.facets}
    assert kinds == {(1, 1, 1), (0, 0, 1)}
    assert max(facet.misfit_deg for facet in report.facets) < 1.0


def test_a_given_direction_sets_the_axes() -> None:
    q = np.array([0.0, 0.0, 2.8e10])
    report = find_facets(field(0, q), Sample("Pt", (1, 1, 1), (1, -1, 0)))
    assert report.axes_from == "given"
    assert report.axes @ np.array([1, -1, 0]) / np.sqrt(2) == pytest.approx([1, 0, 0], abs=1e-12)
    assert np.linalg.det(report.axes) == pytest.approx(1.0)
    with pytest.raises(BadInput, match="parallel"):
        find_facets(field(0, q), Sample("Pt", (1, 1, 1), (2, 2, 2)))


def test_a_sphere_has_no_axes() -> None:
    z, y, x = np.indices((N, N, N)) - N // 2
    amplitude = np.clip(17.5 - np.sqrt(x**2 + y**2 + z**2), 0, 1).astype(np.float32)
    nothing = np.where(amplitude > 0.5, 0.0, np.nan).astype(np.float32)
    ball = StrainField(
        amplitude, nothing, nothing, nothing, nothing, nothing, amplitude > 0.5, VOXEL_m, np.array([0, 0, 1.0])
    )
    report = find_facets(ball, Sample("Pt", (1, 1, 1)))
    assert report.axes is None
    assert report.axes_from == ""
