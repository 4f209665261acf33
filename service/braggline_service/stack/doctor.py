"""What this machine lacks for the service, each with its remedy."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from redis import Redis, RedisError

from braggline_models.errors import BadInput
from braggline_service.processes import port_answers
from braggline_service.settings import Settings, config_dir, load_settings
from braggline_service.stack.programs import redis_server, redis_version, tango_database

OLDEST_PYTHON = (3, 11)
WORKER = (
    "h5py",
    "hdf5plugin",
    "numba",
    "scipy",
    "redis",
    "blissdata",
    "distributed",
    "bitshuffle",
    "fabio",
    "matplotlib",
    "torch",
)
LEAST_DISK_GB = 2.0
LEAST_MEMORY_GB = 4.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at; `remedy` says what to do where it is not ok."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def doctor(settings: Settings | None = None) -> list[Check]:
    """Every check, in the order in which a newcomer would mend them; none of them raises."""
    config = _config()
    chosen = settings or (load_settings() if config.ok else Settings())
    return [
        _python(),
        _packages(),
        _fft(),
        config,
        _redis(),
        *_tango(),
        _blissdata(chosen),
        _beacon(),
        *_machine(chosen),
        _gpu(),
    ]


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    return Check("python", sys.version_info >= OLDEST_PYTHON, found, "install Python 3.11 or later")


def _packages() -> Check:
    missing = [name for name in WORKER if importlib.util.find_spec(name) is None]
    detail = f"missing: {', '.join(missing)}" if missing else f"all {len(WORKER)} of the extra 'worker'"
    return Check("packages", not missing, detail, "pip install braggline[worker]")


def _fft() -> Check:
    """Which library transforms, and so decides the pace: without MKL an iteration takes three times as long."""
    from braggline_models.phase_retrieval.fft import libraries

    first, *others = libraries()
    return Check("fft", first != "scipy", f"{first} (also there: {', '.join(others) or 'none'})", "pip install torch")


def _config() -> Check:
    file = config_dir() / "braggline.yaml"

    def valid() -> str:
        load_settings()
        return str(file)

    return _tried("configuration", valid, "mend the settings file")


def _redis() -> Check:
    def found() -> str:
        server = redis_server()
        return f"{server} (version {redis_version(server)})"

    return _tried("redis-server", found, "pip install braggline[embedded]")


def _tango() -> list[Check]:
    pytango = importlib.util.find_spec("tango") is not None
    detail = f"pytango {importlib.metadata.version('pytango')}" if pytango else "missing"
    checks = [Check("pytango", pytango, detail, "pip install braggline[tango]")]
    host = os.environ.get("TANGO_HOST", "")
    if not host:
        return [*checks, _tried("tango database", lambda: f"to be started: {tango_database()}", "set TANGO_HOST")]
    return [*checks, _reached("tango database", host, 10000, "start the database, or set TANGO_HOST to the right one")]


def _blissdata(settings: Settings) -> Check:
    url = settings.ingest.blissdata_url

    def pinged() -> str:
        with Redis.from_url(url, socket_connect_timeout=1.0, socket_timeout=1.0) as redis:
            redis.ping()
        return url

    return _tried("blissdata", pinged, "start BLISS's Beacon, or set ingest.blissdata_url", url)


def _beacon() -> Check:
    remedy = "set BEACON_HOST; only the BLISS shell needs it"
    host = os.environ.get("BEACON_HOST", "")
    return _reached("beacon", host, 25000, remedy) if host else Check("beacon", False, "BEACON_HOST is not set", remedy)


def _machine(settings: Settings) -> list[Check]:
    folder = Path(settings.results.directory or ".").absolute()
    while not folder.exists():
        folder = folder.parent
    writable = os.access(folder, os.W_OK | os.X_OK)
    disk = shutil.disk_usage(folder).free / 1e9
    memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return [
        Check("results folder", writable, str(folder), "set results.directory to a folder that can be written"),
        Check("free disk", disk >= LEAST_DISK_GB, f"{disk:.1f} GB in {folder}", f"free {LEAST_DISK_GB:g} GB"),
        Check("free memory", memory >= LEAST_MEMORY_GB, f"{memory:.1f} GB", f"free {LEAST_MEMORY_GB:g} GB"),
    ]


def _gpu() -> Check:
    """Optional: never counts as a fault."""
    if importlib.util.find_spec("cupy") is None:
        return Check("gpu (optional)", True, "cupy is not installed: the CPU is used")
    try:
        cupy = importlib.import_module("cupy")
        name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    except Exception as error:  # cupy raises many kinds where there is no driver
        return Check("gpu (optional)", True, f"none that cupy can use ({type(error).__name__}): the CPU is used")
    return Check("gpu (optional)", True, name)


def _tried(name: str, look: Callable[[], str], remedy: str, where: str = "") -> Check:
    try:
        return Check(name, True, look())
    except (BadInput, RedisError, OSError) as error:
        said = " ".join(str(error).split())
        return Check(name, False, f"{where}: {said}" if where else said, remedy)


def _reached(name: str, host_and_port: str, default_port: int, remedy: str) -> Check:
    host, _, port = host_and_port.split(",")[0].partition(":")
    ok = port_answers(int(port or default_port), host) if (port or "0").isdigit() else False
    return Check(name, ok, f"{host_and_port} {'answers' if ok else 'does not answer'}", remedy)
