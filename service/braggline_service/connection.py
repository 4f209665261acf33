"""One way to reach the service's Redis."""

from __future__ import annotations

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError
from redis.retry import Retry

AWAY = (ConnectionError, TimeoutError, BusyLoadingError)  # Redis is down, unreachable or still reading its file


def connect(url: str) -> Redis:
    """A client for `url` that tries a broken connection again at once; a Redis that stays away raises one of AWAY."""
    return Redis.from_url(
        url,
        socket_connect_timeout=5.0,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), 2),
    )
