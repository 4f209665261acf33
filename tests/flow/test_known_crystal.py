"""A crystal of known smooth strain goes in; the same strain comes out, through the command line and the live chain."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import pytest
from redis import Redis

from braggline_models.scan import RockingCurve
from braggline_models.simulate import SimulatedTruth
from braggline_service.board import Board
from braggline_service.jobs import Dispatcher
from braggline_service.messages import DetectorInfo, ScanHeader
from braggline_service.settings import load_settings
from braggline_service.sources.write import write_bliss_nexus
from braggline_service.streams import FrameWriter, counts, open_scans

sys.path.insert(0, str(Path(__file__).parent))
from known_crystal import FRAMES, agreement, simulated

SEED = 0  # strain rms 1.8e-4; the error of the map, 4e-5 to 1e-4, hardly depends on the crystal


@pytest.fixture(scope="module")
def crystal() -> tuple[RockingCurve, SimulatedTruth]:
    return simulated(SEED)


def assert_known(path: Path, truth: SimulatedTruth) -> None:
    with h5py.File(path) as file:
        frame = file["entry_1/sample_frame"]
        maps = [frame[name][...] for name in ("amplitude", "phase", "strain")]
        found = agreement(*maps, float(frame.attrs["voxel_size_m"][0]), truth)
    assert found.complex_correlation > 0.95, found
    assert found.strain_correlation > 0.85, found
    assert found.strain_error < 1e-4, found
    assert found.strain_slope == pytest.approx(1.0, abs=0.25), found
    assert found.volume_ratio == pytest.approx(1.0, abs=0.25), found


@pytest.mark.slow
def test_reconstruct_gives_the_known_strain(crystal, tmp_path: Path) -> None:
    curve, truth = crystal
    scan, out = tmp_path / "scan.h5", tmp_path / "out.h5"
    write_bliss_nexus(scan, curve)
    command = [sys.executable, "-m", "braggline_service.cli", "reconstruct", str(scan), "-o", str(out), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["frames_used"] == FRAMES
    assert told["agreement"] > 0.9
    assert_known(out, truth)


@pytest.mark.slow
def test_the_live_chain_gives_the_known_strain(crystal, redis_server, tmp_path: Path) -> None:
    curve, truth = crystal
    settings = load_settings(overrides={"redis.url": redis_server.url, "results.directory": str(tmp_path)})
    redis, stop = Redis.from_url(redis_server.url), threading.Event()
    worker = threading.Thread(target=Dispatcher(settings, redis).run, args=(stop,))
    worker.start()
    try:
        measured(redis, settings, curve)
        snapshot = final(redis, "known")
    finally:
        stop.set()
        worker.join()
    assert snapshot.stage == "final", snapshot.values
    assert snapshot.values["frames_missing"] == 0
    assert snapshot.values["first_preview_fraction"] < 1.0
    assert_known(Path(snapshot.values["result_file"]), truth)


def measured(redis: Redis, settings, curve: RockingCurve, pause_s: float = 0.1) -> None:
    """Publish the curve frame by frame, as a scan would."""
    header = ScanHeader(
        key="known", name="known", detector=DetectorInfo(name="maxipix", shape_px=curve.detector.shape_px),
        n_frames=len(curve.intensity), scanned="eta", energy_eV=curve.energy_eV, exposure_s=0.1,
        positions={name: float(values[0]) for name, values in curve.angles_deg.items() if name != "eta"},
    )  # fmt: skip
    writer = FrameWriter(redis, header, settings.redis)
    writer.open()
    for index, frame in enumerate(curve.intensity):
        writer.publish(index, frame, {"eta": float(curve.angles_deg["eta"][index])})
        time.sleep(pause_s)  # the pace of a scan
    writer.close("complete", len(curve.intensity))


def final(redis: Redis, scan: str, timeout_s: float = 180.0):
    """The snapshot once the scan's result is committed."""
    deadline, board = time.monotonic() + timeout_s, Board(redis)
    while scan in open_scans(redis):
        assert time.monotonic() < deadline, f"no result: {counts(redis, scan)}, {board.latest(scan)}"
        time.sleep(0.1)
    return board.latest(scan)
