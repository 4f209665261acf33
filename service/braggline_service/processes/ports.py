"""Free ports on the loopback interface."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"
SERVER_PORTS = range(10_000, 65_536)
OUTGOING_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
ENOUGH = 1000


def free_ports(count: int) -> list[int]:
    """`count` different ports that are free now: all are held until the last is found, then released.

    None is of the range from which the kernel serves outgoing connections: one of those may be gone a moment later.
    Another program may still take one before it is used: whoever starts on them tries again with new ones.
    """
    candidates = _candidates()
    random.SystemRandom().shuffle(candidates)
    found: list[int] = []
    with ExitStack() as held:
        while len(found) < count:
            if not candidates:
                raise OSError(f"fewer than {count} free ports on {LOOPBACK}")
            port = candidates.pop()
            with suppress(OSError):  # taken: the next one
                held.enter_context(socket.socket()).bind((LOOPBACK, port))
                found.append(port)
    return found


def _candidates() -> list[int]:
    """Ports for servers; all of them where the kernel's own range leaves too few."""
    try:
        first, last = map(int, OUTGOING_RANGE.read_text().split())
    except OSError:
        return list(SERVER_PORTS)
    outside = [port for port in SERVER_PORTS if not first <= port <= last]
    return outside if len(outside) >= ENOUGH else list(SERVER_PORTS)


def port_answers(port: int, host: str = LOOPBACK, timeout_s: float = 0.5) -> bool:
    """True if something accepts connections there."""
    try:
        socket.create_connection((host, port), timeout_s).close()
    except OSError:
        return False
    return True
