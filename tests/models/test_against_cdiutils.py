"""The same object through cdiutils and through us: q, voxels, cubic grid, displacement, strain, lattice.

What cdiutils calls the lab frame is our sample frame: both turn q back by the sample circles. Its arrays are indexed
(x, y, z) in the names of xrayutilities, which are ours, and ours are (z, y, x): a transpose leads over, and no sign
changes. It has Å and nm and per cent where we have m and no unit. Its phase is +Q.u where ours is (phase_factor 1).
"""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from braggline_models.geometry import (
    bragg_geometry,
    d_spacing_m,
    exact_q,
    lattice_parameter_m,
    linearisation_error,
    orthogonalise,
    voxel_vectors_m,
)  # fmt: skip
from braggline_models.results import Quality, Reconstruction
from braggline_models.scan import Circle, Detector, Diffractometer, PreparedVolume, RockingCurve
from braggline_models.strain import MapOptions, strain_field

with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
    warnings.simplefilter("ignore")
    pytest.importorskip("cdiutils")
    from cdiutils.converter import SpaceConverter
    from cdiutils.geometry import Geometry
    from cdiutils.process.postprocessor import PostProcessor

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs

ID01 = Diffractometer(
    "id01",
    (Circle("eta", (0, -1, 0)), Circle("phi", (0, 0, -1))),
    (Circle("nu", (0, 0, -1)), Circle("delta", (0, -1, 0))),
    (0, 0, -1),
    (0, 1, 0),
)
ENERGY_eV, SHAPE, CORNER = 9000.0, (48, 56, 60), (130, 210)
WHOLE = Detector("maxipix", (516, 516), (55e-6, 55e-6), 0.25, (172.9, 185.6), 1.5, 30.0, -2.0)
PEAK = tuple(float(n // 2) for n in SHAPE)
BRAGG_DEG = {
    "eta": {"eta": 18.0, "phi": 6.0, "nu": 8.0, "delta": 33.0},
    "phi": {"eta": 5.0, "phi": 13.0, "nu": 34.0, "delta": 10.0},
}
STRAIN_GRADIENT_PER_M = 6e3


def curve_of(rocking: str, step_deg: float = 0.025) -> RockingCurve:
    angles = {name: np.full(SHAPE[0], value) for name, value in BRAGG_DEG[rocking].items()}
    angles[rocking] = angles[rocking] + (np.arange(SHAPE[0]) - SHAPE[0] // 2) * step_deg
    seen = WHOLE.cropped(*CORNER, SHAPE[1:])
    mask, measured = np.zeros(SHAPE[1:], bool), np.ones(SHAPE[0], bool)
    return RockingCurve("s", np.zeros(SHAPE, np.uint8), mask, measured, angles, ENERGY_eV, seen, ID01)


def converter_of(curve: RockingCurve) -> SpaceConverter:
    pose = {
        "cch1": WHOLE.beam_center_px[0], "cch2": WHOLE.beam_center_px[1], "distance": WHOLE.distance_m,
        "pwidth1": 55e-6, "pwidth2": 55e-6, "detrot": WHOLE.rotation_deg, "tilt": WHOLE.tilt_deg,
        "tiltazimuth": WHOLE.tilt_azimuth_deg,
    }  # fmt: skip
    roi = [CORNER[0], CORNER[0] + SHAPE[1], CORNER[1], CORNER[1] + SHAPE[2]]
    converter = SpaceConverter(Geometry.from_setup("ID01"), pose, energy=ENERGY_eV, roi=roi)
    moving = {name: v if np.ptp(v) else float(v[0]) for name, v in curve.angles_deg.items()}
    eta, phi, nu, delta = (moving[name] for name in BRAGG_DEG["eta"])
    converter.init_q_space(eta, phi, delta, nu)
    return converter


def soft_crystal(curve: RockingCurve) -> np.ndarray:
    """An ellipsoid with a soft surface and the phase Q.u of a strain that grows along Q, on the detector's grid."""
    q_bragg, q_step = bragg_geometry(curve, PEAK)
    points = np.moveaxis(np.indices(SHAPE), 0, -1) - np.array(SHAPE) // 2
    points = points @ voxel_vectors_m(q_step, SHAPE).T
    radius = np.linalg.norm(points / np.array([110e-9, 90e-9, 130e-9]), axis=-1)
    amplitude = 1.0 / (1.0 + np.exp(25.0 * (radius - 1.0)))
    along = points @ q_bragg / np.linalg.norm(q_bragg)
    phase = np.linalg.norm(q_bragg) * 0.5 * STRAIN_GRADIENT_PER_M * along**2
    return (amplitude * np.exp(1j * phase)).astype(np.complex64)


def our_field(curve: RockingCurve, object_: np.ndarray, size_m: float):
    q_bragg, q_step = bragg_geometry(curve, PEAK)
    volume = PreparedVolume(
        "s", np.ones(SHAPE, np.float32), np.zeros(SHAPE, bool), (0, 0, 0), (1, 1, 1), PEAK, q_bragg, q_step
    )
    quality = Quality(0, 0, 1, 1, np.ones(1), np.ones(1), 1e-8, 1, 1)
    runs = np.empty((0, *SHAPE), np.complex64)
    made = Reconstruction(object_, np.abs(object_) > 0.5, runs, quality, {}, 0, 1, True)
    return strain_field(made, volume, MapOptions(isosurface=0.5, apodisation=0.0, voxel_size_m=size_m))


@pytest.mark.parametrize("rocking", ["eta", "phi"])
def test_q_of_every_voxel(rocking: str) -> None:
    curve = curve_of(rocking)
    theirs = 1e10 * converter_of(curve).get_q_space_transitions("cubinates")
    ours = exact_q(curve, *np.indices(SHAPE))
    assert np.linalg.norm(ours - theirs, axis=-1).max() < 1e-8 * np.linalg.norm(ours[0, 0, 0])  # h c of CODATA 2014
    q_bragg, _ = bragg_geometry(curve, PEAK)
    assert np.linalg.norm(q_bragg - theirs[tuple(int(p) for p in PEAK)]) < 1e-8 * np.linalg.norm(q_bragg)


@pytest.mark.parametrize("rocking", ["eta", "phi"])
def test_the_linear_geometry(rocking: str) -> None:
    """Theirs is a least-squares fit over all voxels, ours the derivative at the peak: the second order is left."""
    curve = curve_of(rocking)
    theirs = 1e10 * converter_of(curve).get_transformation_matrix()
    _, ours = bragg_geometry(curve, PEAK)
    worst = np.linalg.norm(ours - theirs, axis=0) / np.linalg.norm(ours, axis=0)
    assert worst.max() < 2 * linearisation_error(curve, PEAK, (0, 0, 0), SHAPE)
    assert worst.max() < 5e-3


@pytest.mark.parametrize("rocking", ["eta", "phi"])
def test_the_object_on_a_cubic_grid(rocking: str) -> None:
    curve, size_m = curve_of(rocking), 6e-9
    object_, converter = soft_crystal(curve), converter_of(curve)
    converter.init_interpolator(direct_lab_voxel_size=1e9 * size_m, space="direct")
    theirs = converter.orthogonalise_to_direct_lab(object_)
    _, q_step = bragg_geometry(curve, PEAK)
    ours, _ = orthogonalise(object_, voxel_vectors_m(q_step, SHAPE), size_m)
    part = middle(theirs, ours.shape[::-1]).transpose(2, 1, 0)
    inside = np.abs(ours) > 0.5
    overlap = np.vdot(part[inside], ours[inside])
    assert abs(overlap) / (np.linalg.norm(part[inside]) * np.linalg.norm(ours[inside])) > 0.9995  # theirs is linear
    flipped = part[::-1, ::-1, ::-1]
    assert abs(np.vdot(flipped[inside], ours[inside])) < 0.99 * abs(overlap)
    wrong = np.angle(part[inside] * np.conj(ours[inside]))
    assert np.sqrt(np.mean(wrong**2)) < 0.01


def middle(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Their array cut, or padded with zeros, to one with the center at shape // 2: theirs is at (shape + 1) // 2."""
    out = np.zeros(shape, array.dtype)
    source, target = [], []
    for n, m in zip(array.shape, shape, strict=True):
        center = (n + 1) // 2
        before, after = min(center, m // 2), min(n - center, m - m // 2)
        source.append(slice(center - before, center + after))
        target.append(slice(m // 2 - before, m // 2 + after))
    out[tuple(target)] = array[tuple(source)]
    return out


@pytest.mark.parametrize("rocking", ["eta", "phi"])
def test_displacement_and_strain_of_the_same_phase(rocking: str) -> None:
    """Their formulas on our phase: equal in the bulk, where both take central differences."""
    curve = curve_of(rocking)
    field = our_field(curve, soft_crystal(curve), 6e-9)
    g_per_angstrom = 1e-10 * field.q_bragg_per_m
    phase = field.phase_rad.transpose(2, 1, 0)
    displacement = PostProcessor.get_displacement(phase, g_per_angstrom)  # Å
    ours = field.displacement_m.transpose(2, 1, 0)
    np.testing.assert_allclose(1e-10 * displacement, ours, rtol=1e-5, atol=1e-15)
    strain = PostProcessor.get_het_normal_strain(0.1 * displacement, g_per_angstrom, (6.0, 6.0, 6.0), "hybrid")
    bulk = binary_erosion(field.support, iterations=2).transpose(2, 1, 0)
    difference = strain[bulk] - field.strain.transpose(2, 1, 0)[bulk]
    assert np.abs(difference).max() < 2e-3 * np.abs(field.strain[np.isfinite(field.strain)]).max()


@pytest.mark.parametrize("rocking", ["eta", "phi"])
def test_strain_by_their_whole_chain_and_by_ours(rocking: str) -> None:
    """From the detector's grid to strain and d-spacing; both also agree with what went in."""
    curve, size_m = curve_of(rocking), 6e-9
    object_, converter = soft_crystal(curve), converter_of(curve)
    converter.init_interpolator(direct_lab_voxel_size=1e9 * size_m, space="direct")
    theirs = middle(converter.orthogonalise_to_direct_lab(object_), (64, 64, 64))
    q_bragg, _ = bragg_geometry(curve, PEAK)
    with contextlib.redirect_stdout(io.StringIO()):
        found = PostProcessor.get_structural_properties(
            theirs, 0.5, 1e-10 * q_bragg, (1, 1, 1), (6.0, 6.0, 6.0), phase_factor=1
        )
    field = our_field(curve, object_, size_m)
    ours = field.strain[binary_erosion(field.support, iterations=2)]
    core = binary_erosion(found["support"].astype(bool), iterations=2)
    their_strain = found["het_strain_with_ramp"][core] / 100.0
    for percentile in (2, 25, 50, 75, 98):
        a, b = np.percentile(ours, percentile), np.percentile(their_strain, percentile)
        assert a == pytest.approx(b, abs=0.03 * float(np.ptp(ours)))
    span = 0.9 * 2 * STRAIN_GRADIENT_PER_M * 90e-9
    assert span / 1.5 < np.ptp(ours) < span * 1.7
    d_m = 1e-10 * found["dspacing"][core]
    assert np.median(d_m) == pytest.approx(
        np.median(field.d_spacing_m[field.support & np.isfinite(field.strain)]), rel=1e-4
    )
    assert 1e-10 * np.median(found["lattice_parameter"][core]) == pytest.approx(
        lattice_parameter_m(q_bragg, (1, 1, 1)), rel=5e-4
    )


def test_d_spacing_and_lattice_parameter() -> None:
    q, _ = bragg_geometry(curve_of("eta"), PEAK)
    assert d_spacing_m(q) == pytest.approx(1e-10 * SpaceConverter.dspacing(1e-10 * q), rel=1e-12)
    for hkl in ((1, 1, 1), (2, -2, 0), (3, 1, 1)):
        assert lattice_parameter_m(q, hkl) == pytest.approx(1e-10 * SpaceConverter.lattice_parameter(1e-10 * q, hkl))
