"""One way to reach the service's Redis, and to wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError
from redis.retry import Retry

T = TypeVar("T")
AWAY = (ConnectionError, TimeoutError, BusyLoadingError)  # Redis is down, unreachable or still reading its file
PAUSE_S = 0.2


def connect(url: str) -> Redis:
    """A client for `url` that tries a broken connection again at once; a Redis that stays away raises one of AWAY."""
    return Redis.from_url(
        url,
        socket_connect_timeout=5.0,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), 2),
    )


def patiently(action: Callable[[], T], patience_s: float, stop: threading.Event | None = None) -> T:
    """`action()`, again and again while Redis is away; after `patience_s`, or on `stop`, its last error is raised.

    For actions that may be done twice: one whose answer was lost is repeated.
    """
    deadline = time.monotonic() + patience_s
    stop = stop or threading.Event()
    while True:
        try:
            return action()
        except AWAY:
            if time.monotonic() > deadline or stop.wait(PAUSE_S):
                raise
