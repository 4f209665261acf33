"""The numbers that belong to each frame: positions of the axes that move, monitor and attenuator, by index."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Point:
    """One point of the scan: positions of the moving axes, monitor, transmission of the attenuator, where known."""

    positions: dict[str, float] = field(default_factory=dict)
    monitor: float | None = None
    transmission: float | None = None


class Scalars:
    """Reads each point once. Streams of axes are 'axis:NAME', or end in the name of a positioner."""

    def __init__(
        self, streams: Mapping[str, Any], positioners: Collection[str], monitors: Sequence[str], attenuator: str = ""
    ) -> None:
        self._axes = {
            name.split(":")[-1]: _Column(stream)
            for name, stream in sorted(streams.items(), key=lambda item: not item[0].startswith("axis:"))
            if _is_axis(name, stream, positioners)
        }
        self._monitor, self._attenuator = (
            next((_Column(stream) for stream in _in_order(streams, names)), None)
            for names in (monitors, [attenuator] if attenuator else [])
        )

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the axes that move, those of the scan command first."""
        return tuple(self._axes)

    def at(self, index: int, final: bool = False) -> Point | None:
        """Point `index`; None if it is still to come; what never came is left out."""
        counters = [column for column in (self._monitor, self._attenuator) if column is not None]
        columns = [*self._axes.values(), *counters]
        there = [column.reach(index) for column in columns]  # each is asked, so that each takes in what is new
        if not all(there) and not final:
            return None
        positions = {name: value for name, column in self._axes.items() if (value := column.get(index)) is not None}
        monitor, transmission = (c.get(index) if c else None for c in (self._monitor, self._attenuator))
        return Point(positions, monitor, transmission)


class _Column:
    """One stream of numbers, fetched in blocks."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._values: list[float] = []

    def reach(self, index: int) -> bool:
        """True if point `index` is there, after a look at what is new."""
        if index >= len(self._values) and (n := len(self._stream)) > len(self._values):
            self._values.extend(float(value) for value in self._stream[len(self._values) : n])
        return index < len(self._values)

    def get(self, index: int) -> float | None:
        value = self._values[index] if index < len(self._values) else math.nan
        return value if math.isfinite(value) else None


def _is_axis(name: str, stream: Any, positioners: Collection[str]) -> bool:
    return stream.kind == "array" and stream.shape == () and (
        name.startswith("axis:") or name.split(":")[-1] in positioners
    )  # fmt: skip


def _in_order(streams: Mapping[str, Any], names: Sequence[str]) -> Iterable[Any]:
    """The scalar streams of counters with these names, the first name first."""
    for wanted in names:
        yield from (s for n, s in streams.items() if n.split(":")[-1] == wanted and s.kind == "array" and s.shape == ())
