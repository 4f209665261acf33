"""Errors as one line for whoever sits at a panel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tango
from redis.exceptions import RedisError

from braggline_models.errors import BadInput


@contextmanager
def told(origin: str) -> Iterator[None]:
    """A refused command or value reaches the client as one line, without a traceback."""
    try:
        yield
    except BadInput as error:
        tango.Except.throw_exception("BadInput", str(error), origin)
    except RedisError as error:
        tango.Except.throw_exception("RedisAway", f"Redis is away: {one_line(error)}; try again later", origin)


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())
