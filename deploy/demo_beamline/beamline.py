"""A beamline in a box: the stock BLISS with an emulated detector, started and stopped as one."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import Any

from redis import Redis

from braggline_service.processes import PartDown, RunFile, Supervisor, free_ports
from demo_beamline.beacon import STEPS_PER_UNIT, write_beacon
from demo_beamline.lima.axes import put_at
from demo_beamline.parts import beacon_part, lima_part, tango_part, writer_part
from demo_beamline.places import PORTS, Places
from demo_beamline.programs import write_programs
from demo_beamline.samples import Sample, load_sample
from demo_beamline.venv import BlissVenv

LOG = logging.getLogger(__name__)
TRIES = 3


class DemoBeamline:
    """A context manager. Everything listens on the loopback, on free ports; `run_dir` holds all that it writes.

    sample: 'platinum', 'simulated', 'specimen' or a file of recorded frames. detector: 'maxipix' or 'eiger2m'.
    extra_beacon: a folder of further Beacon YAML whose objects join the session id01.
    """

    def __init__(
        self,
        run_dir: Path,
        sample: str = "platinum",
        detector: str = "maxipix",
        seed: int = 0,
        extra_beacon: Path | None = None,
        bliss_venv: Path | None = None,
        buffer_frames: int = 64,
    ) -> None:
        self.run_dir = Path(run_dir).absolute()
        self.data_dir = self.run_dir / "data"
        self.extra_beacon = extra_beacon
        self.venv = BlissVenv.find(bliss_venv)
        name = str(Path(sample).resolve()) if Path(sample).is_file() else str(sample)  # Lima runs in another folder
        self._chosen = {"sample": name, "detector": detector, "seed": seed, "buffer_frames": buffer_frames}
        self.sample: Sample = load_sample(name, detector, seed)
        self.file = RunFile(self.run_dir)
        self._places: Places | None = None
        self._group: Supervisor | None = None

    def __enter__(self) -> DemoBeamline:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ---- where things are
    @property
    def bliss_python(self) -> Path:
        return self.venv.python

    @property
    def places(self) -> Places:
        if self._places is None:
            raise RuntimeError(f"the beamline of {self.run_dir} has not been started")
        return self._places

    @property
    def ports(self) -> dict[str, int]:
        return dict(self.places.ports)

    @property
    def tango_host(self) -> str:
        return self.places.tango_host

    @property
    def beacon_host(self) -> str:
        return self.places.beacon_host

    @property
    def blissdata_url(self) -> str:
        return self.places.blissdata_url

    @property
    def env(self) -> dict[str, str]:
        """The whole environment of a BLISS client process."""
        return {**os.environ, **self.places.exports()}

    def describe(self) -> dict[str, Any]:
        """What a client needs to know; also in RUN/state.json."""
        scan = self.sample.scan
        return {
            "tango_host": self.tango_host,
            "beacon_host": self.beacon_host,
            "blissdata_url": self.blissdata_url,
            "data_dir": str(self.data_dir),
            "detector": self.sample.detector.bliss_name,
            "beamline": self.sample.beamline,
            "scan": f"ascan {scan.motor} {scan.start:g} {scan.stop:g} {scan.intervals} {scan.count_time_s:g}",
            "ports": self.ports,
            "exports": self.places.exports(),
        }

    # ---- life
    def start(self) -> None:
        """Start every part; PartDown (one line) if one does not come up, and nothing is left running."""
        self.file.acquire()
        try:
            for attempt in range(TRIES):
                try:
                    self._start()
                    return
                except PartDown as error:
                    self._stop_parts()
                    if "in use" not in str(error) or attempt == TRIES - 1:
                        raise
                    LOG.info("a port was taken meanwhile, trying others: %s", error)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop every part in reverse order; may be called again."""
        self._stop_parts()
        self.file.release()

    def status(self) -> dict[str, dict[str, Any]]:
        """{part: {pid, started, alive, port, log, restarts}}"""
        return self._group.status() if self._group else {}

    # ---- inside
    def _start(self) -> None:
        """Start everything on ports that are free now."""
        places = Places(self.run_dir, self.venv, dict(zip(PORTS, free_ports(len(PORTS)), strict=True)))
        self._places = places
        places.sockets.mkdir(exist_ok=True)
        self._group = Supervisor(self.run_dir / "log", on_change=self._note)
        write_programs(self.run_dir, self.venv)
        write_beacon(self.run_dir / "beacon", self.sample, places.lima_url, self._raw_data(), self.extra_beacon)
        self._group.start(beacon_part(places), tango_part(places))
        with Redis(port=places.ports["redis"]) as redis:
            put_at(redis, dict(self.sample.home), STEPS_PER_UNIT)
        self._group.start(lima_part(places, self._chosen), writer_part(places))

    def _raw_data(self) -> Path:
        """A new folder each time: Beacon starts afresh and counts scans from 1, and Lima writes over no file."""
        raw = self.data_dir / "RAW_DATA"
        number = 1
        while (folder := raw / f"session_{number:04d}").exists():
            number += 1
        folder.mkdir(parents=True)
        return folder

    def _note(self) -> None:
        self.file.write("up" if "writer" in self.status() else "starting", parts=self.status(), info=self.describe())

    def _stop_parts(self) -> None:
        if self._group is not None:
            self._group.stop()
            self._group = None
            shutil.rmtree(self.places.sockets, ignore_errors=True)
