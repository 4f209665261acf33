"""Where the motors are: Beacon keeps each axis's position in its settings Redis, hash axis.NAME, field position."""

from __future__ import annotations

from collections.abc import Iterable

from redis import Redis


class AxisPositions:
    """Positions of the named axes, read in one round trip."""

    def __init__(self, redis: Redis, names: Iterable[str]) -> None:
        self._redis = redis
        self._names = tuple(names)

    def read(self) -> dict[str, float]:
        """{name: position in user units}; an axis that was never set is left out."""
        with self._redis.pipeline(transaction=False) as pipe:
            for name in self._names:
                pipe.hget(f"axis.{name}", "position")
            values = pipe.execute()
        return {name: float(value) for name, value in zip(self._names, values, strict=True) if value is not None}


def put_at(redis: Redis, positions: dict[str, float], steps_per_unit: float) -> None:
    """Put BLISS's mock motors there, unless they have been somewhere before: for a run folder's first start."""
    for name, position in positions.items():
        if redis.setnx(f"motor_mockup:{name}:hw_position", str(position * steps_per_unit)):
            redis.hset(f"axis.{name}", mapping={"position": str(position), "dial_position": str(position)})
