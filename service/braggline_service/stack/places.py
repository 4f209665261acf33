"""Where the parts of one run listen: what the settings and TANGO_HOST say, free ports of the loopback for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from braggline_models.errors import BadInput
from braggline_service.processes import free_ports, port_answers
from braggline_service.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SERVERS = ("BraggIngest", "BraggReconstruction", "BraggAdvisor")


@dataclass(frozen=True)
class Places:
    """redis_port, tango_port: of what this run starts itself; None where it uses what is there."""

    redis_url: str
    redis_port: int | None
    tango_host: str
    tango_port: int | None
    server_ports: Mapping[str, int]

    @property
    def local(self) -> bool:
        """Whether the Tango database is on the loopback, and the devices with it."""
        return self.tango_host.rpartition(":")[0] in LOOPBACK


def find_places(settings: Settings, tango_host: str) -> Places:
    """Places for a new run. Redis comes on the port that the settings name, on another if that one is taken.

    A Redis on another machine is used as it is.
    """
    url = urlsplit(settings.redis.url)
    if url.scheme != "redis" or not url.hostname:
        raise BadInput(
            f"redis.url '{settings.redis.url}' is not of the form redis://HOST:PORT/NUMBER; mend the settings"
        )
    redis, tango, *servers = free_ports(2 + len(SERVERS))
    redis_port = None
    if url.hostname in LOOPBACK:
        wanted = url.port or 6379
        redis_port = redis if port_answers(wanted) else wanted
    return Places(
        redis_url=settings.redis.url if redis_port is None else f"redis://127.0.0.1:{redis_port}{url.path or '/0'}",
        redis_port=redis_port,
        tango_host=tango_host or f"127.0.0.1:{tango}",
        tango_port=None if tango_host else tango,
        server_ports=dict(zip(SERVERS, servers, strict=True)),
    )
