"""What is read from scan.info, as BLISS 2.1.2 publishes it, and what is not there."""

import pytest

from braggline_service.beamlines import load_beamline
from braggline_service.sources.blissdata_header import data_path, detector_info, energy_eV, header_of_info, positioners

INFO = {
    "npoints": 21, "count_time": 0.02, "title": "ascan eta 15 15.1 20 0.02", "session_name": "id01", "scan_nb": 3,
    "publisher": "bliss", "publisher_version": "2.1.2", "start_time": "2026-11-24T03:13:12+00:00", "filename": None,
    "images_path": "/data/RAW_DATA/session_0001/id01/scan0003/{img_acq_device}_",
    "devices": {"1:simdet": {"name": "simdet", "metadata": {"x_pixel_size": 5e-5, "y_pixel_size": 6e-5}}},
    "instrument": {
        "@NX_class": "NXinstrument", "beamline": "id01",
        "mpx1x4": {"distance": 0.5, "beam_center_x": 154.0, "beam_center_y": 208.0, "x_pixel_size": 5.5e-5,
                   "y_pixel_size": 5.5e-5},
        "monochromator": {"Energy": 9000.0, "Energy@units": "eV"},
    },
    "positioners": {"positioners_start": {"eta": 17.6, "delta": 35.4, "mononrj": 8.5, "broken": None, "name": "a"}},
}  # fmt: skip


def test_the_whole_header():
    detector = detector_info(INFO, "mpx1x4", (516, 516))
    header = header_of_info("esrf:scan:1", INFO, "sample_0001", detector, ("eta",), None, "")
    assert (header.name, header.beamline, header.n_frames) == ("sample_0001_scan0003", "id01", 21)
    assert (header.scanned, header.positions) == ("eta", {"delta": 35.4, "mononrj": 8.5})
    assert (header.energy_eV, header.exposure_s) == (9000.0, 0.02)
    assert (detector.distance_m, detector.beam_center_px) == (0.5, (208.0, 154.0))
    assert header.data_path == "/data/RAW_DATA/session_0001/id01/scan0003"


def test_pixel_size_of_the_detector_itself():
    detector = detector_info(INFO, "simdet", (516, 516))
    assert (detector.pixel_size_m, detector.distance_m, detector.beam_center_px) == ((6e-5, 5e-5), None, None)


@pytest.mark.parametrize(
    ("info", "expected"), [(INFO, 9000.0), ({"positioners": INFO["positioners"]}, 8500.0), ({}, None)]
)
def test_energy(info, expected):
    assert energy_eV(info, load_beamline("id01")) == expected
    assert energy_eV(info, None) is None


def test_an_empty_info_is_a_header_too():
    header = header_of_info("esrf:scan:1", {}, "scan", detector_info({}, "d", (4, 4)), (), None, "")
    assert (header.n_frames, header.positions, header.energy_eV, header.beamline) == (0, {}, None, "")


def test_only_numbers_are_positions():
    assert positioners(INFO) == {"eta": 17.6, "delta": 35.4, "mononrj": 8.5}


def test_the_file_of_bliss_comes_before_the_images():
    assert data_path(INFO | {"filename": "/data/RAW_DATA/a.h5"}) == "/data/RAW_DATA/a.h5"
    assert data_path({}) == ""
