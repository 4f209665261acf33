"""The processes of the box, each as a supervised part."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from braggline_service.processes import Part, answers_on, says
from braggline_service.processes.part import Ready
from demo_beamline.places import DETECTOR_INSTANCE, ROOT, Places

HERE = Path(__file__).parent
TANGO_READY = says("Ready to accept request")


def beacon_part(places: Places) -> Part:
    """Beacon, which starts its two Redis by itself. Without its log server: that one would outlive it."""
    ports, sockets = places.ports, places.sockets
    command = [places.venv.python, HERE / "launch.py", "bliss.config.conductor.server"]
    command += ["--db-path", places.run_dir / "beacon", "--port", ports["beacon"], "--log-level", "INFO"]
    command += ["--redis-port", ports["redis"], "--redis-socket", sockets / "redis.sock"]
    command += ["--redis-data-port", ports["redis_data"], "--redis-data-socket", sockets / "data.sock"]
    command += ["--homepage-port", ports["web"], "--webapp-port", 0, "--tango-port", 0]
    command += ["--log-server-port", 0, "--log-viewer-port", 0]
    return _part(places, "beacon", command, says("start listening on TCP port"))


def tango_part(places: Places) -> Part:
    """A Tango database; its registrations are in memory and end with it."""
    port = places.ports["tango"]
    command = [places.venv.bin / "NosqlTangoDB", "-l", "0", "--host", "127.0.0.1", "--port", port]
    command += ["--db_access", f"yaml:{places.run_dir / 'beacon' / 'tango'}", "2"]
    return _part(places, "tango", command, answers_on(port))


def lima_part(places: Places, chosen: Mapping[str, Any]) -> Part:
    """The emulated LimaCCDs, in the service's environment. chosen: sample, detector, seed, buffer_frames."""
    config = places.run_dir / "lima.json"
    ports = {"port": places.ports["lima"], "beacon_redis_port": places.ports["redis"]}
    config.write_text(json.dumps({"instance": DETECTOR_INSTANCE, **chosen, **ports}))
    more = {"PYTHONPATH": str(ROOT / "deploy"), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return _part(places, "lima", [sys.executable, "-m", "demo_beamline.lima", config], TANGO_READY, more)


def writer_part(places: Places) -> Part:
    """BLISS's own NeXus writer: the scan's file, with links to Lima's."""
    return _part(places, "writer", [places.venv.python, HERE / "writer.py", places.ports["writer"]], TANGO_READY)


def _part(places: Places, name: str, command: list[Any], ready: Ready, more: Mapping[str, str] | None = None) -> Part:
    own = {"TMPDIR": str(places.sockets), "HOME": str(places.run_dir)}
    env = {**os.environ, **places.exports(), **own, **(more or {})}
    return Part(name, tuple(map(str, command)), env, cwd=places.run_dir, ready=ready, port=places.ports[name])
