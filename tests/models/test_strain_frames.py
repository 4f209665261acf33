"""The same crystal in further frames, and what the beam suffers in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_erosion
from scipy.spatial.transform import Rotation

from braggline_models.geometry.materials import refraction
from braggline_models.geometry.reciprocal import wavenumber_per_m
from braggline_models.results import Quality, Reconstruction
from braggline_models.scan import PreparedVolume
from braggline_models.simulate.crystal import facet_normals
from braggline_models.strain import (
    MapOptions,
    carried,
    crystal_frame,
    directional_derivative,
    lab_frame,
    statistics,
    strain_field,
)
from braggline_models.strain.refraction import Beam, beam_of, corrected, paths

N, VOXEL_m = 48, 6e-9
TURN = Rotation.from_euler("zyx", [20.0, -35.0, 10.0], degrees=True).as_matrix()
Q = np.array([-0.9e10, 0.4e10, 2.6e10])
STEP = 2 * np.pi / (N * VOXEL_m)
PLAIN = MapOptions(apodisation=0.0, voxel_size_m=VOXEL_m)


def volume() -> PreparedVolume:
    nothing = np.zeros((N, N, N), np.float32)
    return PreparedVolume(
        "scan", nothing, nothing > 0, (0, 0, 0), (1, 1, 1), (N / 2, N / 2, N / 2), Q, STEP * np.eye(3),
        energy_eV=9000.0, sample_to_lab=TURN,
    )  # fmt: skip


def reconstruction(strain: float) -> Reconstruction:
    points = VOXEL_m * np.stack(np.meshgrid(*(np.arange(N) - N // 2,) * 3, indexing="ij"), axis=-1)
    density = np.clip((80e-9 - np.linalg.norm(points * [1.0, 1.2, 0.9], axis=-1)) / VOXEL_m, 0, 1)
    object_ = (density * np.exp(1j * strain * points @ Q)).astype(np.complex64)
    quality = Quality(0, 0, 1, 1, np.ones(1), np.ones(1), 1e-9, 1, 1)
    return Reconstruction(object_, density > 0.5, np.zeros((0, N, N, N), np.complex64), quality, {}, 0, 1, True)


@pytest.mark.parametrize("name", ["lab", "crystal"])
def test_strain_is_the_same_in_every_frame(name: str) -> None:
    frame = lab_frame(volume()) if name == "lab" else crystal_frame(TURN.T)
    here, there = (strain_field(reconstruction(2e-4), volume(), PLAIN, *given) for given in ((), (frame,)))
    assert there.frame == name
    assert there.q_bragg_per_m == pytest.approx(frame.rotation @ Q)
    first, second = statistics(here)["bulk"], statistics(there)["bulk"]
    assert second["strain_mean"] == pytest.approx(first["strain_mean"], rel=0.01)
    assert second["voxels"] == pytest.approx(first["voxels"], rel=0.05)
    assert first["strain_mean"] == pytest.approx(2e-4, rel=0.02)


@pytest.mark.parametrize("name", ["lab", "crystal"])
def test_an_uncertainty_turns_with_the_crystal(name: str) -> None:
    """A scalar that grows along the sample's (x, y, z) = (1, 2, 3) grows along the turned direction there."""
    frame = lab_frame(volume()) if name == "lab" else crystal_frame(TURN.T)
    here, there = (strain_field(reconstruction(0.0), volume(), PLAIN, *given) for given in ((), (frame,)))

    def scalar(support: np.ndarray, direction: np.ndarray) -> np.ndarray:
        steps = np.moveaxis(np.indices(support.shape)[::-1], 0, -1) - np.array(support.shape)[::-1] // 2
        return np.where(support, 100.0 + steps @ direction, np.nan).astype(np.float32)

    direction = np.array([1.0, 2.0, 3.0])
    found = carried(scalar(here.support, direction), there.support, frame.rotation)
    true = scalar(there.support, frame.rotation @ direction)
    inner = binary_erosion(there.support, iterations=2)
    assert found[inner] == pytest.approx(true[inner], abs=1e-3)
    assert np.isfinite(found[there.support]).all(), "a surface voxel takes the nearest"
    assert np.isnan(found[~there.support]).all()


def test_the_crystal_lies_turned() -> None:
    """The longest axis of the crystal, z of the sample, is R z in the laboratory."""
    found = strain_field(reconstruction(0.0), volume(), PLAIN, lab_frame(volume()))
    points = np.argwhere(found.support)[:, ::-1] - np.array(found.support.shape)[::-1] // 2
    longest = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][0]
    assert abs(longest @ TURN @ [0, 0, 1]) > 0.99


def test_paths_through_a_cube() -> None:
    cube = np.zeros((20, 20, 20), bool)
    cube[5:15, 5:15, 5:15] = True
    along_x = paths(cube, np.array([1.0, 0.0, 0.0]))
    assert along_x[10, 10, 5:15] == pytest.approx(np.arange(9.5, 0, -1), abs=0.51)
    assert not along_x[~cube].any()
    diagonal = paths(cube, np.array([1.0, 1.0, 0.0]) / np.sqrt(2))
    assert diagonal[10, 5, 5] == pytest.approx(9.5 * np.sqrt(2), abs=0.8)


def test_refraction_and_absorption_are_taken_out() -> None:
    """What scatters carries exp(-i k delta L - k beta L); psi is its conjugate."""
    delta, beta = refraction("Au", 9000.0)
    k = wavenumber_per_m(9000.0)
    beam = beam_of(volume(), "Au", np.eye(3))
    assert np.cross(beam.outgoing, k * beam.incoming + Q) == pytest.approx(np.zeros(3), abs=1e-3 * k)
    assert TURN @ beam.incoming == pytest.approx([1, 0, 0])
    support = reconstruction(0.0).support
    length_m = VOXEL_m * (paths(support, -beam.incoming) + paths(support, beam.outgoing))
    psi = np.where(support, np.exp(k * length_m * (1j * delta - beta)), 0.0).astype(np.complex64)
    mended = corrected(psi, support, VOXEL_m, beam)
    assert np.abs(psi[support]).min() < 0.98
    assert np.abs(np.angle(psi[support])).max() > 0.1
    assert mended[support] == pytest.approx(np.ones(support.sum()), abs=1e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_faceted_crystal_keeps_a_third_of_what_refraction_made(seed: int) -> None:
    """The path through a convex polyhedron is known exactly: the nearest plane that a ray leaves it by."""
    rng = np.random.default_rng(seed)
    normals = facet_normals(rng)
    distances = 18 * rng.uniform(0.8, 1.0, len(normals))
    index = np.stack(np.meshgrid(*(np.arange(N) - N // 2,) * 3, indexing="ij"), axis=-1)[..., ::-1].astype(float)
    inside = np.all(index @ normals.T < distances, axis=-1)
    delta, _ = refraction("Pt", 9000.0)
    k, turn = wavenumber_per_m(9000.0), np.deg2rad(17.7)
    ways = np.array([[-np.cos(turn), 0, np.sin(turn)], [np.cos(turn), 0, np.sin(turn)]])
    exact = sum(_way_out(index, normals, distances, way) for way in ways)
    beam = Beam(-ways[0], ways[1], k, delta, 0.0)
    psi = np.where(inside, np.exp(1j * k * delta * VOXEL_m * exact), 0.0).astype(np.complex64)
    strain = [
        directional_derivative(each, inside, np.array([0.0, 0.0, 1.0]), VOXEL_m)
        for each in (psi, corrected(psi, inside, VOXEL_m, beam))
    ]
    before, after = (float(np.sqrt(np.nanmean(np.square(each)))) for each in strain)
    assert after < 0.33 * before


def _way_out(points: np.ndarray, normals: np.ndarray, distances: np.ndarray, way: np.ndarray) -> np.ndarray:
    leaving = normals @ way > 1e-6
    lengths = (distances[leaving] - points @ normals[leaving].T) / (normals[leaving] @ way)
    return np.maximum(lengths.min(axis=-1), 0.0)


def test_the_map_is_corrected_where_the_material_is_known() -> None:
    given = reconstruction(0.0)
    plain = strain_field(given, volume(), PLAIN)
    gold = strain_field(given, volume(), replace(PLAIN, material="Au"))
    assert np.nanmax(np.abs(plain.phase_rad)) < 1e-3
    assert 0.1 < np.nanmax(gold.phase_rad) - np.nanmin(gold.phase_rad) < 2.0
