"""The beamline in a box: the real BLISS scans an emulated detector, on the loopback, and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  the filter of HDF5BS
import numpy as np
import pytest
from blissdata.exceptions import NoScanAvailable
from blissdata.redis_engine.store import DataStore

from braggline_models.errors import BadInput
from braggline_service.processes import AlreadyUp, PartDown, ProcessId, RunFile, free_ports
from demo_beamline import DemoBeamline
from demo_beamline.places import PORTS
from demo_beamline.samples import load_sample

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("BRAGGLINE_SHARED", ROOT.parent / "shared"))
RECORDED = SHARED / "data" / "aps34idc_s0054.h5"
INTERVALS = 12
COMMAND = [sys.executable, "-m", "demo_beamline"]
ENV = os.environ | {"PYTHONPATH": str(ROOT / "deploy")}

pytestmark = pytest.mark.bliss


def scan_process(box, *arguments, **more):
    command = [box.bliss_python, ROOT / "deploy/demo_beamline/scan.py", *map(str, arguments)]
    return subprocess.Popen(command, env=box.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def results(process):
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors[-2000:]
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def rocking(box, half_steps=8.0):
    """Arguments of an ascan about the Bragg peak."""
    home, step = box.sample.home["eta"], box.sample.step_deg
    return "eta", home - half_steps * step, home + half_steps * step, INTERVALS


def descendants(pids):
    """Every process below these, and they."""
    rows = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split()
    pairs = list(zip(map(int, rows[::2]), map(int, rows[1::2]), strict=True))
    found = set(pids)
    while more := {pid for pid, parent in pairs if parent in found} - found:
        found |= more
    return found


def listeners(pids):
    lines = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split()[3] for line in lines if any(f"pid={pid}," in line for pid in pids)]


def until(condition, timeout_s=30.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def opened(box, key):
    scan = DataStore(box.blissdata_url).load_scan(key)
    image = next(stream for name, stream in scan.streams.items() if name.endswith(":image"))
    return scan, image


def next_scan(store, since_ms):
    """The first scan after that time, once it is prepared. blissdata's own blocking is cut short by redis-py."""
    found = []

    def prepared():
        try:
            found[:] = found or [store.load_scan(store.get_next_scan(since=since_ms, timeout=1)[1])]
        except NoScanAvailable:
            return False
        found[0].update(block=False)
        return found[0].state >= 2

    until(prepared)
    return found[0]


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with DemoBeamline(tmp_path_factory.mktemp("box") / "run", sample="simulated", buffer_frames=4) as box:
        yield box


@pytest.fixture(scope="module")
def scanned(box):
    """Two scans with ROI counters and several compressed files each; the whole frame at 0.05 s."""
    row, column = (round(p) for p in box.sample.peak_px)
    options = ["--scans", 2, "--roi", column - 20, row - 20, 40, 40, "--frames-per-file", 5, "--format", "HDF5BS"]
    return results(scan_process(box, *rocking(box), 0.05, *options))


def test_a_stock_ascan_shows_the_peak_where_the_motor_is(box, scanned):
    assert [result["state"] for result in scanned] == ["DONE", "DONE"]
    for result in scanned:
        _, image = opened(box, result["key"])
        frames = np.stack([image[i] for i in range(INTERVALS + 1)])
        assert frames.shape == (INTERVALS + 1, 516, 516)
        assert frames.dtype == np.uint32
        counts = frames.sum((1, 2), dtype=float)  # with two humps: the crystal has a dislocation
        assert abs(counts @ np.arange(INTERVALS + 1) / counts.sum() - INTERVALS / 2) < 1.0
        peak = np.unravel_index(frames[INTERVALS // 2].argmax(), (516, 516))
        assert np.hypot(*np.subtract(peak, box.sample.peak_px)) < 4
        assert not frames[:, 255:261].any()
        assert not frames[:, :, 255:261].any()


def test_the_frames_are_those_of_the_sample(box, scanned):
    """The positions that the detector read are those that BLISS wrote down: the frame follows exactly."""
    scan, image = opened(box, scanned[0]["key"])
    positions = next(stream for name, stream in scan.streams.items() if name == "axis:eta")[:]
    for index in (0, 5, INTERVALS):
        expected = box.sample.frame({"eta": positions[index]}, 0.05, index)
        np.testing.assert_array_equal(image[index], expected)


def test_roi_counters_count_the_frames(box, scanned):
    _, image = opened(box, scanned[1]["key"])
    row, column = (round(p) for p in box.sample.peak_px)
    sums = [int(image[i][row - 20 : row + 20, column - 20 : column + 20].sum()) for i in range(INTERVALS + 1)]
    assert scanned[1]["roi_sums"] == sums


def test_the_files_are_limas(box, scanned):
    scan, _ = opened(box, scanned[0]["key"])
    files = sorted(Path(scan.info["images_path"].format(img_acq_device="simdet")).parent.glob("simdet_*.h5"))
    assert [file.name for file in files] == ["simdet_0000.h5", "simdet_0001.h5", "simdet_0002.h5"]
    shapes = []
    for file in files:
        with h5py.File(file) as h5:
            data = h5["entry_0000/id01/simdet/data"]
            shapes.append(data.shape)
            assert h5["entry_0000/measurement/data"] == data
            assert h5["entry_0000"].attrs["NX_class"] == "NXentry"
    assert shapes == [(5, 516, 516), (5, 516, 516), (3, 516, 516)]


def test_the_master_file_is_that_of_bliss(box, scanned):
    """Written by BLISS's own NeXus writer, in the layout of ID01's files: frames linked, angles, detector, beam."""
    scan, image = opened(box, scanned[0]["key"])

    def complete():
        with h5py.File(scan.info["filename"], locking=False) as file:
            return "end_time" in file["1.1"]

    until(complete)
    with h5py.File(scan.info["filename"], locking=False) as file:
        entry = file["1.1"]
        assert entry["title"][()].startswith(b"ascan eta")
        assert entry["instrument/positioners/eta"].shape == (INTERVALS + 1,)
        assert entry["instrument/positioners/delta"][()] == 35.4
        assert entry["instrument/simdet/distance"][()] == 0.50678
        assert entry["instrument/monochromator/Energy"][()] == 9000.0
        np.testing.assert_array_equal(entry["measurement/simdet"][6], image[6])


def test_a_scan_tells_about_detector_and_beam(box):
    store = DataStore(box.blissdata_url)
    since_ms = int(1000 * time.time())
    process = scan_process(box, *rocking(box), 0.02)
    scan = next_scan(store, since_ms)
    instrument = scan.info["instrument"]
    detector = instrument["simdet"]
    assert (detector["beam_center_y"], detector["beam_center_x"]) == box.sample.detector.beam_center_px
    assert (detector["distance"], detector["x_pixel_size"]) == (0.50678, 55e-6)
    assert instrument["monochromator"]["Energy"] == 9000.0
    assert instrument["beamline"] == "id01"
    started = scan.info["positioners"]["positioners_start"]
    assert {name: started[name] for name in ("delta", "nu")} == {"delta": 35.4, "nu": 0.7493}
    assert results(process)[0]["state"] == "DONE"


def test_a_scan_that_is_stopped_leaves_a_detector_that_works(box):
    store = DataStore(box.blissdata_url)
    since_ms = int(1000 * time.time())
    process = scan_process(box, *rocking(box)[:3], 200, 0.02)
    scan = next_scan(store, since_ms)
    image = next(stream for name, stream in scan.streams.items() if name.endswith(":image"))
    until(lambda: len(image) >= 5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    until(lambda: scan.update(block=False) or scan.state >= 4)
    taken = len(image)
    assert 5 <= taken < 201
    assert image[taken - 1].shape == (516, 516)
    assert results(scan_process(box, *rocking(box), 0.02))[0]["state"] == "DONE"


def test_everything_listens_on_the_loopback_only(box):
    addresses = listeners(descendants(part["pid"] for part in box.status().values()))
    assert len(addresses) >= 5
    assert all(address.startswith("127.0.0.1:") for address in addresses), addresses


def test_two_side_by_side_and_one_killed_leaves_nothing(box, tmp_path):
    """A second box, up in the background; its supervisor is killed: every process goes, the other box stays."""
    run = tmp_path / "second"
    up = [*COMMAND, "up", "--run-dir", str(run), "--sample", "simulated"]
    subprocess.run(up, env=ENV, check=True, capture_output=True, timeout=60)
    state = RunFile(run).read()
    assert not set(state["info"]["ports"].values()) & set(box.ports.values())
    again = subprocess.run(up, env=ENV, capture_output=True, text=True, timeout=60)
    assert "already up" in again.stderr
    assert again.returncode == 1
    everything = [ProcessId.of(pid) for pid in descendants({state["supervisor"]["pid"]})]
    assert len(everything) >= 6, "supervisor, Beacon, two Redis, Tango database, LimaCCDs, memory tracker"
    os.kill(state["supervisor"]["pid"], signal.SIGKILL)
    assert all(process.wait(10.0) for process in everything if process)
    assert RunFile(run).read() == {}, "the state of a killed run is noticed"
    assert all(part["alive"] for part in box.status().values())
    nothing = subprocess.run([*COMMAND, "down", "--run-dir", str(run)], env=ENV, capture_output=True, text=True)
    assert nothing.stdout == "nothing ran\n"
    told = subprocess.run([*COMMAND, "status", "--env", "--run-dir", str(run)], env=ENV, capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (1, ""), "nothing for the shell to run"
    assert "nothing runs in" in told.stderr


def test_the_same_folder_twice(box):
    with pytest.raises(AlreadyUp, match=f"already up .process {os.getpid()}"):
        DemoBeamline(box.run_dir, sample="simulated").start()


def test_a_port_that_was_taken_meanwhile(tmp_path, monkeypatch):
    """The first choice of LimaCCDs' port is taken by another program: the box comes up on others."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        choices = []

        def chosen(count):
            ports = free_ports(count)
            if not choices:
                ports[PORTS.index("lima")] = taken
            choices.append(ports)
            return ports

        monkeypatch.setattr("demo_beamline.beamline.free_ports", chosen)
        with DemoBeamline(tmp_path / "run", sample="simulated") as box:
            assert len(choices) == 2
            assert all(part["alive"] for part in box.status().values())
            assert taken not in box.ports.values()


def test_a_part_that_cannot_start_is_told_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(BadInput, match=r"no BLISS in .*bogus: python is missing there; run `make env`"):
        DemoBeamline(tmp_path / "a", sample="simulated", bliss_venv=tmp_path / "bogus")
    monkeypatch.setattr(DemoBeamline, "_raw_data", lambda self: self.run_dir)
    broken = DemoBeamline(tmp_path / "b", sample="simulated")
    monkeypatch.setattr("demo_beamline.beamline.write_programs", lambda *_: None)
    with pytest.raises(PartDown) as failure:
        broken.start()
    assert "beacon ended with code" in str(failure.value)
    assert str(tmp_path / "b/log/beacon.log") in str(failure.value)
    assert "\n" not in str(failure.value)
    assert broken.status() == {}


SESSION_OBJECTS = """
import bliss, json, os
from bliss.config import static
session = static.get_config().get("id01")
session.setup(verbose=False)
assert session.env_dict["bragg"].name == "bragg"
config = static.get_config().get_config("bragg")
print(json.dumps({key: config[key].name for key in ("detector", "rocking_motor")}), flush=True)
os._exit(0)
"""


def test_further_objects_take_the_detector_that_is_there(tmp_path):
    """`bragg` as configured for ID01's Maxipix comes up with an Eiger2M, whose whole frames arrive."""
    run = tmp_path / "run"
    with DemoBeamline(run, "simulated", "eiger2m", extra_beacon=ROOT / "config/beacon") as box:
        shell = [str(box.bliss_python), "-W", "ignore", "-c", SESSION_OBJECTS]
        (found,) = results(
            subprocess.Popen(shell, env=box.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        assert found == {"detector": "eiger2M", "rocking_motor": "eta"}
        (result,) = results(scan_process(box, *rocking(box)[:3], 2, 0.01))
        assert result["state"] == "DONE"
        _, image = opened(box, result["key"])
        assert image[1].shape == (2164, 1030)
        assert image[1].sum() > max(image[0].sum(), image[2].sum())


@pytest.mark.skipif(not RECORDED.exists(), reason=f"no recorded curve at {RECORDED}")
def test_recorded_frames_are_played_back(tmp_path, monkeypatch):
    monkeypatch.chdir(RECORDED.parent)
    with DemoBeamline(tmp_path / "run", sample=RECORDED.name, extra_beacon=ROOT / "config/beacon") as box:
        scan = box.sample.scan
        step = (scan.stop - scan.start) / scan.intervals
        first = 95
        arguments = (scan.motor, scan.start + first * step, scan.start + (first + 8) * step, 8, 0.01)
        (result,) = results(scan_process(box, *arguments))
        told, image = opened(box, result["key"])
        frames = np.stack([image[i] for i in range(9)])
        assert told.info["instrument"]["beamline"] == "aps34idc"
        assert told.info["positioners"]["positioners_start"]["gamma"] == 12.6346
    with h5py.File(RECORDED) as file:
        np.testing.assert_array_equal(frames, file["frames"][first : first + 9])


def test_a_sample_that_is_not_there():
    with pytest.raises(BadInput, match="no such file; take 'platinum'"):
        load_sample("/no/such/file.h5")
    with pytest.raises(BadInput, match="is not emulated"):
        load_sample("simulated", "pilatus")
