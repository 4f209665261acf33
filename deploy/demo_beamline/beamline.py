"""A beamline in a box: the stock BLISS with an emulated detector, started and stopped as one."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from redis import Redis

from braggline_service.processes import Part, PartDown, RunFile, Supervisor, answers_on, free_ports, says
from demo_beamline.beacon import STEPS_PER_UNIT, write_beacon
from demo_beamline.lima.axes import put_at
from demo_beamline.programs import write_programs
from demo_beamline.samples import Sample, load_sample
from demo_beamline.venv import BlissVenv

LOG = logging.getLogger(__name__)
ROOT = Path(__file__).parents[2]
PORTS = ("beacon", "redis", "redis_data", "web", "tango", "lima", "writer")
TRIES = 3
SOCKET_PATH_LIMIT = 80
DETECTOR_INSTANCE = "demo"


class DemoBeamline:
    """A context manager. Everything listens on the loopback, on free ports; `run_dir` holds all that it writes.

    sample: 'platinum', 'simulated' or a file of recorded frames. detector: 'maxipix' or 'eiger2m'.
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
        self._chosen = {"sample": str(sample), "detector": detector, "seed": seed, "buffer_frames": buffer_frames}
        self.sample: Sample = load_sample(str(sample), detector, seed)
        self.file = RunFile(self.run_dir)
        self.ports: dict[str, int] = {}
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
    def tango_host(self) -> str:
        return f"127.0.0.1:{self.ports['tango']}"

    @property
    def beacon_host(self) -> str:
        return f"127.0.0.1:{self.ports['beacon']}"

    @property
    def blissdata_url(self) -> str:
        return f"redis://127.0.0.1:{self.ports['redis_data']}"

    @property
    def env(self) -> dict[str, str]:
        """The whole environment of a BLISS client process."""
        return {**os.environ, **self.exports()}

    def exports(self) -> dict[str, str]:
        """What a BLISS client process needs on top of its own environment."""
        path = os.pathsep.join([str(self.run_dir / "bin"), str(self.venv.bin), os.environ.get("PATH", os.defpath)])
        return {
            "PATH": path,
            "PYTHONPATH": str(ROOT / "tango_devices"),
            "CONDA_PREFIX": str(self.run_dir / "conda"),
            "BEACON_HOST": self.beacon_host,
            "TANGO_HOST": self.tango_host,
            "BLISSDATA_URL": self.blissdata_url,
        }

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
            "exports": self.exports(),
        }

    # ---- life
    def start(self) -> None:
        """Start every part; PartDown (one line) if one does not come up, and nothing is left running."""
        self.file.acquire()
        try:
            for attempt in range(TRIES):
                try:
                    self._start_on(dict(zip(PORTS, free_ports(len(PORTS)), strict=True)))
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
    def _start_on(self, ports: dict[str, int]) -> None:
        self.ports = ports
        self._group = Supervisor(self.run_dir / "log", on_change=self._note)
        write_programs(self.run_dir, self.venv)
        lima = f"//{self.tango_host}/id01/limaccds/{DETECTOR_INSTANCE}"
        write_beacon(self.run_dir / "beacon", self.sample, lima, self._raw_data(), self.extra_beacon)
        self._group.start(self._beacon(), self._tango_database())
        with Redis(port=ports["redis"]) as redis:
            put_at(redis, dict(self.sample.home), STEPS_PER_UNIT)
        self._group.start(self._lima(), self._nexus_writer())
        self._note()

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
            shutil.rmtree(self._socket_dir())

    def _part(self, name: str, command: list[str | Path], more: Mapping[str, str], port: str, ready: Any) -> Part:
        env = self.env | {"TMPDIR": str(self._socket_dir()), "HOME": str(self.run_dir)} | dict(more)
        return Part(name, tuple(map(str, command)), env, cwd=self.run_dir, ready=ready, port=self.ports[port])

    def _socket_dir(self) -> Path:
        """A folder whose path is short enough for Unix sockets; always the same for the same run folder."""
        folder = self.run_dir / "sockets"
        if len(str(folder)) > SOCKET_PATH_LIMIT:
            short = hashlib.sha256(str(self.run_dir).encode()).hexdigest()[:12]
            folder = Path(tempfile.gettempdir()) / f"demo-beamline-{short}"
        folder.mkdir(exist_ok=True)
        return folder

    def _beacon(self) -> Part:
        ports, sockets = self.ports, self._socket_dir()
        command = [self.venv.python, Path(__file__).parent / "launch.py", "bliss.config.conductor.server"]
        command += ["--db-path", self.run_dir / "beacon", "--port", ports["beacon"], "--log-level", "INFO"]
        command += ["--redis-port", ports["redis"], "--redis-socket", sockets / "redis.sock"]
        command += ["--redis-data-port", ports["redis_data"], "--redis-data-socket", sockets / "data.sock"]
        command += ["--homepage-port", ports["web"], "--webapp-port", 0, "--tango-port", 0]
        command += ["--log-server-port", 0, "--log-viewer-port", 0]
        return self._part("beacon", command, {}, "beacon", says("start listening on TCP port"))

    def _tango_database(self) -> Part:
        command = [self.venv.bin / "NosqlTangoDB", "-l", "0", "--host", "127.0.0.1", "--port", self.ports["tango"]]
        command += ["--db_access", f"yaml:{self.run_dir / 'beacon' / 'tango'}", "2"]
        return self._part("tango", command, {}, "tango", answers_on(self.ports["tango"]))

    def _nexus_writer(self) -> Part:
        """BLISS's own: the scan's file with links to Lima's."""
        command = [self.venv.python, Path(__file__).parent / "writer.py", self.ports["writer"]]
        return self._part("writer", command, {}, "writer", says("Ready to accept request"))

    def _lima(self) -> Part:
        config = self.run_dir / "lima.json"
        ports = {"port": self.ports["lima"], "beacon_redis_port": self.ports["redis"]}
        config.write_text(json.dumps({"instance": DETECTOR_INSTANCE, **self._chosen, **ports}))
        more = {"PYTHONPATH": str(ROOT / "deploy"), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command: list[str | Path] = [sys.executable, "-m", "demo_beamline.lima", config]
        return self._part("lima", command, more, "lima", says("Ready to accept request"))
