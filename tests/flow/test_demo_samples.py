"""The emulated beamline's samples and detector, without BLISS: exact diffraction, honest counts, right way round."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import yaml

from braggline_models.geometry import q_of
from braggline_models.scan import RockingCurve
from braggline_service.beamlines import load_beamline
from braggline_service.sources.write import write_bliss_nexus
from demo_beamline.beacon import write_beacon
from demo_beamline.lima.acquisition import Acquisition, Plan
from demo_beamline.lima.files import FrameFiles, SavingPlan
from demo_beamline.lima.image import ImageGeometry
from demo_beamline.lima.ring import RingBuffer
from demo_beamline.samples import load_sample
from demo_beamline.samples.counting import photon_counts
from demo_beamline.samples.platinum import HOME
from demo_beamline.samples.projection import Projection
from demo_beamline.samples.simulated import crystal

RNG = np.random.default_rng(5)
OBJECT = (RNG.normal(size=(9, 12, 10)) + 1j * RNG.normal(size=(9, 12, 10))).astype(np.complex64)
SHAPE = (24, 30, 28)


@pytest.fixture(scope="module")
def sample():
    return load_sample("simulated")


def test_a_frame_is_a_plane_of_the_full_transform():
    projection = Projection(OBJECT, SHAPE)
    whole = np.abs(np.fft.fftshift(np.fft.fftn(OBJECT, SHAPE, axes=(0, 1, 2)))) ** 2
    for s in (-12, -3, 0, 7):
        np.testing.assert_allclose(projection.intensity(s, 0.0, 0.0), whole[SHAPE[0] // 2 + s], rtol=1e-3, atol=0.1)
    assert projection.total == pytest.approx(whole.sum(), rel=1e-5)
    assert not projection.intensity(12.5, 0.0, 0.0).any()


def test_a_shift_by_a_whole_pixel_is_that_of_the_pattern():
    projection = Projection(OBJECT, SHAPE)
    moved = projection.intensity(2, 1.0, -2.0)
    np.testing.assert_allclose(moved, np.roll(projection.intensity(2, 0.0, 0.0), (1, -2), (0, 1)), rtol=1e-3, atol=0.1)


@pytest.mark.parametrize("mean", [0.004, 0.04, 3.0])
def test_faint_and_bright_pixels_are_poisson(mean):
    counts = photon_counts(np.full((400, 500), mean, np.float32), np.random.default_rng(2))
    assert counts.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / counts.size))
    assert counts.var() == pytest.approx(mean, rel=0.05)


def test_the_same_frame_twice_and_another_index(sample):
    one, same, other = (sample.frame(sample.home, 0.1, index) for index in (4, 4, 5))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert one.dtype == np.uint32


def test_the_beam_misses_a_crystal_that_was_moved_away(sample):
    on = sample.frame(sample.home, 0.1, 0).sum()
    off = sample.frame({**sample.home, "pix": sample.home["pix"] + 0.7}, 0.1, 0).sum()
    assert 0.05 * on < off < 0.3 * on


def brightest(frame):
    """Row and column, hot pixels aside."""
    row, column = np.unravel_index(np.where(frame > 1e4, frame, 0).argmax(), frame.shape)
    return float(row), float(column)


@pytest.mark.parametrize("moved", [{"delta": 0.2}, {"nu": -0.3}, {"delta": -0.15, "nu": 0.25}])
def test_the_peak_slides_on_the_detector_as_the_geometry_says(sample, moved):
    """The brightest pixel looks along the same q before and after a move of the arm (exact circles of ID01)."""
    beamline = load_beamline("id01")
    found, _ = beamline.detector("simdet")
    detector = replace(
        found, distance_m=sample.detector.distance_m, beam_center_px=sample.detector.beam_center_px, shape_px=(516, 516)
    )
    at = {name: value + moved.get(name, 0.0) for name, value in sample.home.items()}
    before, after = (
        q_of(beamline.diffractometer, detector, where, *brightest(sample.frame(where, 0.1, 0)), 9000.0)
        for where in (sample.home, at)
    )
    pixel = np.linalg.norm(before) * 55e-6 / 0.50678
    assert np.linalg.norm(after - before) < 2.5 * pixel


def test_platinum_diffracts_where_platinum_does():
    """Spacing of (111) from the box's own angles: 2.265 A within 0.2 %."""
    beamline = load_beamline("id01")
    found, _ = beamline.detector("simdet")
    detector = replace(found, distance_m=0.50678, beam_center_px=(208.0, 154.0))
    q = q_of(beamline.diffractometer, detector, HOME, 214.0, 316.0, 9000.0)
    assert 2 * np.pi / np.linalg.norm(q) == pytest.approx(2.265e-10, rel=2e-3)


@pytest.mark.parametrize(("name", "own"), [("maxipix", "simdet"), ("eiger2m", "eiger2M")])
def test_further_configuration_names_the_detector_that_is_there(tmp_path, name, own):
    extra = tmp_path / "extra"
    (extra / "deeper").mkdir(parents=True)
    text = "- name: a\n  detector: $simdet\n  rocking_motor: $eta\n  other: $simdetector\n"
    (extra / "deeper/a.yml").write_text(text)
    write_beacon(tmp_path / "beacon", load_sample("simulated", name), "//h:1/a/b/c", tmp_path / "raw", extra)
    (copied,) = yaml.safe_load((tmp_path / "beacon/extra/deeper/a.yml").read_text())
    assert copied == {"name": "a", "detector": f"${own}", "rocking_motor": "$eta", "other": "$simdetector"}
    (session,) = yaml.safe_load((tmp_path / "beacon/sessions/id01.yml").read_text())
    assert session["config-objects"][-2:] == [own, "a"]
    assert (extra / "deeper/a.yml").read_text() == text, "the original is left alone"


def test_lima_bins_flips_turns_then_cuts():
    raw = np.arange(24, dtype=np.uint32).reshape(4, 6)
    assert ImageGeometry((4, 6)).apply(raw).tolist() == raw.tolist()
    binned = ImageGeometry((4, 6), binning=(3, 2))
    assert binned.apply(raw).tolist() == [[24 + 0, 42], [96, 114]]
    assert ImageGeometry((4, 6), flip=(True, False)).apply(raw)[0].tolist() == [5, 4, 3, 2, 1, 0]
    turned = ImageGeometry((4, 6), rotation="90")
    assert turned.shape_px == (6, 4)
    assert turned.apply(raw)[0].tolist() == [18, 12, 6, 0], "clockwise: the left column becomes the top row"
    cut = turned.with_roi((1, 2, 2, 3))
    assert cut.apply(raw).tolist() == turned.apply(raw)[2:5, 1:3].tolist()
    assert cut.with_roi((0, 0, 0, 0)).window == (0, 0, 4, 6)
    with pytest.raises(ValueError, match="reaches out of the image of 4x6"):
        turned.with_roi((2, 0, 3, 2))


def test_the_ring_overwrites_the_oldest():
    ring = RingBuffer(3)
    for index in range(5):
        ring.put(index, np.full((2, 2), index, np.uint32))
    assert ring.get(-1)[0] == 4
    assert ring.get(2)[1][0, 0] == 2
    with pytest.raises(LookupError, match="frame 1 not available"):
        ring.get(1)


def acquisition(tmp_path, frames=3, multi=False):
    plan = SavingPlan(tmp_path, "det_", "%04d", ".h5", "HDF5", 2, 0, "id01", "simdet", {})
    expose = lambda exposure_s, index: np.full((4, 6), index, np.uint32)  # noqa: E731
    return Acquisition(Plan(frames, 0.001, 0.0, multi, ImageGeometry((4, 6))), RingBuffer(8), FrameFiles(plan), expose)


def finish(running):
    running._thread.join(10)
    assert running.status in ("Ready", "Fault")


def test_one_frame_a_start_and_no_more_than_asked(tmp_path):
    running = acquisition(tmp_path, frames=2, multi=True)
    for expected in (0, 1):
        running.start()
        finish(running)
        assert (running.acquired, running.saved) == (expected, expected)
    with pytest.raises(RuntimeError, match="all 2 frames are taken"):
        running.start()


def test_a_file_that_exists_is_a_fault_and_is_kept(tmp_path):
    first = acquisition(tmp_path)
    first.start()
    finish(first)
    before = (tmp_path / "det_0000.h5").read_bytes()
    second = acquisition(tmp_path)
    second.start()
    finish(second)
    assert second.status == "Fault"
    assert "File exists" in second.fault
    assert (tmp_path / "det_0000.h5").read_bytes() == before
    with pytest.raises(RuntimeError, match="not ready but Fault"):
        second.start()


@pytest.mark.slow
def test_the_simulated_crystal_shows_its_dislocation_to_the_service(tmp_path):
    """The planted line, from the demo's own frames through `braggline reconstruct` to the defects it names."""
    sample = load_sample("simulated")
    beamline = load_beamline("id01")
    found, mask = beamline.detector("simdet")
    detector = replace(found, distance_m=sample.detector.distance_m, beam_center_px=sample.detector.beam_center_px)
    etas = np.linspace(sample.scan.start, sample.scan.stop, sample.scan.intervals + 1)
    frames = [sample.frame({**sample.home, "eta": eta}, 0.1, index) for index, eta in enumerate(etas)]
    angles = {name: np.full(len(etas), sample.home[name]) for name in beamline.diffractometer.circle_names}
    curve = RockingCurve(
        "demo", np.stack(frames), mask, np.ones(len(etas), bool), angles | {"eta": etas}, sample.energy_eV, detector,
        beamline.diffractometer,
    )  # fmt: skip
    scan, out = write_bliss_nexus(tmp_path / "demo.h5", curve), tmp_path / "out.h5"
    command = [sys.executable, "-m", "braggline_service.cli", "reconstruct", scan, "-o", out, "--json"]
    done = subprocess.run([*command, "--recipe", "fast"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (line,) = json.loads(done.stdout)["defects"]["lines"]
    (planted,) = crystal(sample.detector, 0).told(np.zeros(3, int))
    assert planted.kind == "screw"
    assert (line["kind"], line["g_dot_b"]) == (planted.kind, abs(planted.g_dot_b))
    assert line["confidence"] > 0.9
    along = crystal(sample.detector, 0).vectors_m @ planted.direction
    cosine = float(along @ line["direction"]) / np.linalg.norm(along)
    assert abs(cosine) > 0.95, "the twin turns it, no more"


def test_a_specimen_shows_each_island_where_it_is_and_rocks_it():
    sample = load_sample("specimen")
    scene = sample.scene
    best = max(scene.islands, key=lambda v: v.pattern(steps=float(v.at[0])).sum())
    assert sample.home["pix"] == pytest.approx(best.island.pix_um, abs=1e-3)
    row, column = (round(p) for p in best.peak_px)
    window = (slice(row - 10, row + 11), slice(column - 10, column + 11))

    def counts(**moved):
        return sample.frame({**sample.home, **moved}, 0.1, 3)[window]

    home = counts().sum()
    assert home > 1e4
    assert counts(eta=sample.home["eta"] + 0.3).sum() < 0.02 * home
    assert counts(piy=sample.home["piy"] + 1.5).sum() < 0.2 * home
    np.testing.assert_array_equal(counts(), counts())
    curve = [counts(eta=eta).sum() for eta in np.linspace(sample.scan.start, sample.scan.stop, 13)]
    assert int(np.argmax(curve)) == 6, "the scan that is suggested has the peak in its middle"
