"""The processes of the service, each as a supervised part."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from redis import Redis, RedisError

from braggline_service.processes import Part, answers_on, says
from braggline_service.stack.places import Places
from braggline_service.stack.programs import redis_server, tango_database

DOMAIN = "id01"
INSTANCE = "main"
SERVER_TIMEOUT_S = 60.0


def redis_part(run_dir: Path, port: int) -> Part:
    """The service's own Redis: on the loopback, every write on disk within a second."""
    data = run_dir / "redis"
    data.mkdir(parents=True, exist_ok=True)
    command = [str(redis_server()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(data)]
    command += ["--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--daemonize", "no"]
    return Part("redis", tuple(command), os.environ, run_dir, lambda _log: _pings(port), port=port, restart=True)


def tango_part(run_dir: Path, port: int) -> Part:
    """A Tango database on the loopback; what is registered stays in RUN/tango."""
    data = run_dir / "tango"
    data.mkdir(parents=True, exist_ok=True)
    command = [str(tango_database()), "-l", "0", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--db_access", f"yaml:{data}", "2"]
    return Part("tango", tuple(command), os.environ, run_dir, answers_on(port), port=port, restart=True)


def register_part(run_dir: Path, env: Mapping[str, str], settings_file: Path) -> Part:
    """Tells the database of the three devices, and ends: the service itself knows no Tango."""
    command = [sys.executable, "-m", "braggline_tango", "register", INSTANCE, "--domain", DOMAIN]
    command += ["--settings", str(settings_file)]
    done = says(f"{DOMAIN}/braggadvisor/{INSTANCE}")
    return Part("register", tuple(command), env, run_dir, done, SERVER_TIMEOUT_S)


def server_part(name: str, run_dir: Path, env: Mapping[str, str], places: Places) -> Part:
    """One device server; where the Tango database is on the loopback, so is it."""
    command = [sys.executable, "-m", "braggline_tango", name, INSTANCE]
    port = None
    if places.local:
        port = places.server_ports[name]
        command += ["-ORBendPoint", f"giop:tcp:127.0.0.1:{port}"]
    ready = says("Ready to accept request")
    return Part(name.lower(), tuple(command), env, run_dir, ready, SERVER_TIMEOUT_S, port, restart=True)


def _pings(port: int) -> bool:
    """True once it answers: a port that is open may still be loading its file."""
    try:
        with Redis(port=port, socket_timeout=1.0) as redis:
            return bool(redis.ping())
    except RedisError:
        return False
