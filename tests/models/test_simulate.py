"""Simulated curves by law: symmetry, fringes, counts, and the FFT against a sum over points in the exact geometry."""

from __future__ import annotations

import numpy as np
import pytest

from braggline_models.errors import BadInput
from braggline_models.geometry import q_of
from braggline_models.results import Quality, Reconstruction
from braggline_models.scan import Circle, Detector, Diffractometer, RockingCurve
from braggline_models.simulate import SimulatedTruth, expected_counts, faceted_crystal, simulate_curve, smooth_field
from braggline_models.strain import MapOptions, strain_field

ID01 = Diffractometer(
    "id01",
    (Circle("eta", (0, -1, 0)), Circle("phi", (0, 0, -1))),
    (Circle("nu", (0, 0, -1)), Circle("delta", (0, -1, 0))),
    (0, 0, -1),
    (0, 1, 0),
)
DETECTOR = Detector("maxipix", (64, 64), (110e-6, 110e-6), 0.5, (30.0, 30.0))
BRAGG_DEG = {"eta": 17.7, "phi": 0.0, "nu": 0.0, "delta": 35.4}
ASIDE_DEG = {"eta": 5.0, "phi": 13.0, "nu": 34.0, "delta": 10.0}  # Q lies flat: phi turns it


def simulated(
    detector: Detector = DETECTOR,
    rocking: str = "eta",
    step_deg: float = 0.012,
    size_m: float = 200e-9,
    phase_range_rad: float = 2.0,
    photons: float = 1e6,
    seed: int = 1,
    finer: int = 1,
    mask: np.ndarray | None = None,
    bragg_deg: dict[str, float] = BRAGG_DEG,
) -> tuple[RockingCurve, SimulatedTruth]:
    mask = np.zeros(detector.shape_px, bool) if mask is None else mask
    return simulate_curve(
        ID01, detector, mask, bragg_deg, rocking, step_deg, 40, 9000.0, size_m, phase_range_rad, photons, seed,
        window_px=48, finer=finer,
    )  # fmt: skip


def mirrored(volume: np.ndarray) -> np.ndarray:
    """The volume at -q: even lengths, zero frequency at shape // 2."""
    return np.roll(volume[::-1, ::-1, ::-1], 1, axis=(0, 1, 2))


def test_without_strain_the_pattern_is_centrosymmetric_and_with_it_not() -> None:
    for phase_range_rad, same in ((0.0, True), (2.0, False)):
        _, truth = simulated(phase_range_rad=phase_range_rad)
        expected = truth.volume.intensity
        difference = np.abs(expected - mirrored(expected)).max() / expected.max()
        assert (difference < 1e-5) == same


def test_fringes_are_two_pi_over_the_size() -> None:
    """A slab of n voxels has its minima every N / n pixels."""
    slab = np.zeros((8, 8, 120), np.complex64)
    slab[:, :, 54:66] = 1.0
    line = expected_counts(slab, 1e6)[4, 4]
    assert int(np.argmax(line)) == 60
    minima = 60 + np.arange(10, 60, 10)  # 120 / 12
    assert line[minima].max() < 1e-6 * line[60]
    assert line[minima + 5].min() > 1e-3 * line[60]


def test_every_photon_arrives_but_those_in_the_gaps() -> None:
    mask = np.zeros(DETECTOR.shape_px, bool)
    mask[:, 40:44] = True
    whole, truth = simulated()
    gapped, _ = simulated(mask=mask)
    assert truth.volume.intensity.sum(dtype=np.float64) == pytest.approx(1e6, rel=1e-5)
    assert whole.intensity.sum() == pytest.approx(1e6, abs=5e3)  # five times sqrt(1e6)
    assert not gapped.intensity[:, mask].any()
    np.testing.assert_array_equal(gapped.intensity[:, ~mask], whole.intensity[:, ~mask])


def test_counts_are_poisson() -> None:
    curve, truth = simulated(photons=1e7)
    expected = truth.volume.intensity
    counts = curve.intensity[:, 8:56, 8:56]
    bright = expected > 20
    chi2 = np.square(counts[bright] - expected[bright], dtype=np.float64) / expected[bright]
    assert chi2.mean() == pytest.approx(1.0, abs=5 * np.sqrt(2 / bright.sum()))


def test_the_same_seed_gives_the_same_crystal_and_another_another() -> None:
    first, again, other = simulated(seed=5)[0], simulated(seed=5)[0], simulated(seed=6)[0]
    np.testing.assert_array_equal(first.intensity, again.intensity)
    assert (first.intensity != other.intensity).any()


def test_a_finer_object_shows_the_same_pattern_in_the_window() -> None:
    """The crystal is the same, its edges are sharper: the bright part of the pattern hardly changes."""
    _, truth = simulated()
    curve, fine = simulated(finer=2)
    assert fine.object_.shape == tuple(2 * n for n in truth.object_.shape)
    window = fine.volume.intensity[20:60, 24:72, 24:72]
    assert window.sum(dtype=np.float64) == pytest.approx(1e6, rel=1e-5)
    assert np.corrcoef(window.ravel(), truth.volume.intensity.ravel())[0, 1] > 0.999
    assert curve.intensity.shape == (40, 64, 64)
    assert strain_of(fine).strain_rms == pytest.approx(strain_of(truth).strain_rms, rel=0.1)


def strain_of(truth: SimulatedTruth):
    quality = Quality(0.0, 0.0, 1.0, 1.0, np.ones(1), np.ones(1), 1e-9, 1, 1)
    runs = np.empty((0, *truth.object_.shape), np.complex64)
    known = Reconstruction(truth.object_, np.abs(truth.object_) > 0.5, runs, quality, {}, 0, 0, True)
    return strain_field(known, truth.volume, MapOptions(apodisation=0.0))


def test_crystal_is_compact_in_meters_though_the_grid_is_skewed() -> None:
    _, truth = simulated()
    found = strain_of(truth)
    points = np.argwhere(found.support) * found.voxel_size_m
    extent = np.sqrt(np.linalg.eigvalsh(np.cov(points.T)))
    assert extent.max() / extent.min() < 1.4
    sphere_m3 = np.pi / 6 * 200e-9**3
    assert 0.5 * sphere_m3 < found.support.sum() * found.voxel_size_m**3 < 1.3 * sphere_m3
    phases = found.phase_rad[found.support]
    assert np.ptp(phases) == pytest.approx(2.0, abs=0.3)


def test_facets_are_flat() -> None:
    """Away from the center every ray ends on one of 14 planes, none beyond half the size by more than a corner."""
    rng = np.random.default_rng(3)
    side = np.linspace(-1.0, 1.0, 41)
    points = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1)
    density = faceted_crystal(points, 1.4, 0.05, rng)
    inside = np.linalg.norm(points[density > 0.5], axis=1)
    assert density[20, 20, 20] == 1.0
    assert 0.8 * 0.7 <= inside.max() < 1.5 * 0.7
    assert density.max() <= 1.0
    assert density.min() >= 0.0


def test_smooth_field_has_its_span_and_no_ramp() -> None:
    side = np.linspace(-1.0, 1.0, 15)
    points = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1)
    inside = np.linalg.norm(points, axis=-1) < 0.9
    field = smooth_field(points, inside, 2.0, 3.0, np.random.default_rng(0))
    assert np.ptp(field[inside]) == pytest.approx(3.0)
    slopes = np.linalg.lstsq(np.c_[np.ones(inside.sum()), points[inside]], field[inside], rcond=None)[0]
    assert np.abs(slopes).max() < 1e-9


@pytest.mark.parametrize(
    ("rocking", "step_deg", "bragg_deg"),
    [("eta", 0.012, BRAGG_DEG), ("eta", -0.012, BRAGG_DEG), ("phi", 0.02, ASIDE_DEG)],
)
def test_counts_are_those_of_a_sum_over_points_in_the_exact_geometry(rocking, step_deg, bragg_deg) -> None:
    """|sum rho exp(-i (q - Q).r - i Q.u)|^2 over the object's own points, with the exact q of each pixel and frame."""
    curve, truth = simulated(rocking=rocking, step_deg=step_deg, size_m=110e-9, bragg_deg=bragg_deg)
    volume, object_ = truth.volume, truth.object_
    index = np.argwhere(np.abs(object_) > 0)
    vectors_m = 2 * np.pi * np.linalg.inv(volume.q_step_per_m).T / np.array(object_.shape)
    points = (index - np.array(object_.shape) // 2) @ vectors_m.T
    scatterers = np.conj(object_[tuple(index.T)])
    rows, columns = np.meshgrid(np.arange(20, 44), np.arange(20, 44), indexing="ij")
    summed = []
    for frame in range(8, 32, 3):
        angles = {name: float(values[frame]) for name, values in curve.angles_deg.items()}
        q = q_of(ID01, DETECTOR, angles, rows, columns, curve.energy_eV).reshape(-1, 3)
        wave = np.exp(-1j * ((q - volume.q_bragg_per_m) @ points.T).astype(np.float32))
        summed.append(np.abs(wave @ scatterers).reshape(24, 24) ** 2)
    exact = np.stack(summed)
    linear = volume.intensity[8:32:3, 12:36, 12:36]
    exact *= linear.sum(dtype=np.float64) / exact.sum()
    assert np.abs(np.sqrt(exact) - np.sqrt(linear)).sum() < 0.05 * np.sqrt(linear).sum(dtype=np.float64)
    wrong = exact[::-1, ::-1, ::-1]
    assert np.abs(np.sqrt(wrong) - np.sqrt(linear)).sum() > 0.2 * np.sqrt(linear).sum(dtype=np.float64)


def test_what_cannot_be_simulated_is_said() -> None:
    with pytest.raises(BadInput, match=r"undersampled along the frames.*finer steps"):
        simulated(step_deg=0.2)
    with pytest.raises(BadInput, match=r"undersampled along the rows.*detector away"):
        simulated(size_m=500e-9, step_deg=0.005)
    with pytest.raises(BadInput, match=r"'delta' is no sample circle.*eta, phi"):
        simulated(rocking="delta")
    with pytest.raises(BadInput, match=r"less than 4 voxels along the frames.*turns Q"):
        simulated(rocking="phi")
    some = {name: BRAGG_DEG[name] for name in ("eta", "nu", "delta")}
    with pytest.raises(BadInput, match="no Bragg angle of circle phi"):
        simulate_curve(
            ID01, DETECTOR, np.zeros((64, 64), bool), some, "eta", 0.01, 40, 9000.0, 2e-7, 1.0, 1e6, 0
        )  # fmt: skip
