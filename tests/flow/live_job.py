"""A small scan fed into the real chain from Redis on: writer, dispatcher with its dask worker, board."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from redis import Redis

from braggline_models.scan import Detector, RockingCurve
from braggline_models.simulate import simulate_curve
from braggline_service.beamlines import load_beamline
from braggline_service.board import Board, Snapshot
from braggline_service.connection import AWAY
from braggline_service.jobs import Dispatcher
from braggline_service.messages import DetectorInfo, ScanHeader
from braggline_service.settings import Settings, load_settings
from braggline_service.streams import FrameWriter, open_scans

BRAGG_DEG = {"theta": 0.3, "chi": 90.0, "phi": -5.0, "delta": 32.2, "gamma": 12.6}
FRAMES = 48
PATIENCE_S = 120.0


def small_curve() -> RockingCurve:
    """48 frames of 34-ID-C's small detector: a volume that is phased in seconds."""
    beamline = load_beamline("aps34idc")
    detector, mask = beamline.detector("timepix")
    curve, _ = simulate_curve(
        beamline.diffractometer, detector, mask, BRAGG_DEG, "theta", 0.02, FRAMES, 9000.0, 300e-9, 1.5, 1e7, 5,
        window_px=96,
    )  # fmt: skip
    return curve


def header_of(curve: RockingCurve, key: str, **changes: Any) -> ScanHeader:
    detector: Detector = curve.detector
    known = {
        "key": key, "name": key, "beamline": "aps34idc", "n_frames": len(curve.intensity), "scanned": "theta",
        "detector": DetectorInfo(name="timepix", shape_px=detector.shape_px), "energy_eV": 9000.0, "exposure_s": 0.1,
        "positions": {name: float(v[0]) for name, v in curve.angles_deg.items() if name != "theta"},
    }  # fmt: skip
    return ScanHeader(**(known | changes))


def fast_settings(redis_url: str, folder: Path) -> Settings:
    """The recipe `fast`, results into `folder`."""
    return load_settings(
        overrides={
            "redis.url": redis_url, "results.directory": str(folder), "recipe": "fast", "beamline": "aps34idc",
        }
    )  # fmt: skip


def publish(writer: FrameWriter, curve: RockingCurve, indices: range, pause_s: float = 0.05) -> None:
    for index in indices:
        writer.publish(index, np.asarray(curve.intensity[index]), {"theta": float(curve.angles_deg["theta"][index])})
        time.sleep(pause_s)  # the pace of a scan


@contextmanager
def dispatching(settings: Settings, redis: Redis) -> Iterator[Dispatcher]:
    """A dispatcher at work in a thread, with its own dask worker."""
    dispatcher, stop = Dispatcher(settings, redis), threading.Event()
    thread = threading.Thread(target=dispatcher.run, args=(stop,))
    thread.start()
    try:
        yield dispatcher
    finally:
        stop.set()
        thread.join()


def until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """What `condition` gives once it is true; Redis may be away meanwhile."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            if answer := condition():
                return answer
        except AWAY:
            pass
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.05)


def committed(redis: Redis, scan: str) -> Snapshot:
    """The snapshot of a scan whose result is safe."""
    board = Board(redis)
    until(lambda: scan not in open_scans(redis) and board.latest(scan), f"{scan} committed")
    snapshot = board.latest(scan)
    assert snapshot is not None
    return snapshot
