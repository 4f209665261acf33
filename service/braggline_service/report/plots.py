"""Curves as inline SVG: small, sharp at any size, and drawn in no time."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 420, 250
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 10, 40
COLORS = ("#0072B2", "#D55E00", "#009E73")


@dataclass(frozen=True)
class Curve:
    """x, y (n,); NaN leaves a gap."""

    name: str
    x: NDArray[Any]
    y: NDArray[Any]


@dataclass(frozen=True)
class Line:
    """A straight line over the whole plot, at this x or this y."""

    name: str
    x: float | None = None
    y: float | None = None


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers from low to high: 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(k * power for k in (1, 2, 5, 10) if k * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def plot(
    title: str,
    x_label: str,
    y_label: str,
    curves: Sequence[Curve],
    lines: Sequence[Line] = (),
    log: bool = False,
    y_range: tuple[float, float] | None = None,
) -> str:
    """An <svg> of the curves; a note in its place where there is not one finite point."""
    curves = [_finite(curve, log) for curve in curves]
    if not any(len(curve.x) for curve in curves):
        return f"<p class='none'>{html.escape(title)}: nothing measured to draw.</p>"
    x_range = _range(np.concatenate([curve.x for curve in curves]), 0.0)
    y_range = y_range or _range(np.concatenate([curve.y for curve in curves]), 0.05)
    place = _Place(x_range, y_range)
    parts = [_axes(place, x_label, y_label, log), *(_line(place, line) for line in lines)]
    for curve, color in zip(curves, COLORS, strict=False):
        points = " ".join(f"{place.x(x):.1f},{place.y(y):.1f}" for x, y in zip(curve.x, curve.y, strict=True))
        parts.append(f"<polyline points='{points}' fill='none' stroke='{color}' stroke-width='1.6'/>")
    parts.append(_legend(curves) if len(curves) > 1 else "")
    told = html.escape(title, quote=True)
    return f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{told}'>{''.join(parts)}</svg>"


@dataclass(frozen=True)
class _Place:
    """Where a value lies on the page."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)


def _finite(curve: Curve, log: bool) -> Curve:
    x, y = np.asarray(curve.x, float), np.asarray(curve.y, float)
    kept = np.isfinite(x) & np.isfinite(y) & (~np.bool_(log) | (y > 0))
    return Curve(curve.name, x[kept], np.log10(y[kept]) if log else y[kept])


def _range(values: NDArray[Any], margin: float) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    wide = (high - low) or abs(high) or 1.0
    return (low - margin * wide, high + margin * wide) if high > low else (low - wide / 2, high + wide / 2)


def _axes(place: _Place, x_label: str, y_label: str, log: bool) -> str:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [f"<rect x='{LEFT}' y='{TOP}' width='{right - LEFT}' height='{bottom - TOP}' class='frame'/>"]
    for value in ticks(*place.x_range):
        at = place.x(value)
        parts.append(f"<line x1='{at:.1f}' x2='{at:.1f}' y1='{bottom}' y2='{bottom + 4}' class='frame'/>")
        parts.append(f"<text x='{at:.1f}' y='{bottom + 16}' text-anchor='middle'>{value:.6g}</text>")
    for value in _powers(place.y_range) if log else ticks(*place.y_range):
        at, text = place.y(value), f"10<tspan dy='-4' font-size='8'>{value:g}</tspan>" if log else f"{value:.4g}"
        parts.append(f"<line x1='{LEFT}' x2='{right}' y1='{at:.1f}' y2='{at:.1f}' class='grid'/>")
        parts.append(f"<text x='{LEFT - 6}' y='{at + 4:.1f}' text-anchor='end'>{text}</text>")
    middle = (TOP + bottom) / 2
    parts.append(f"<text x='{(LEFT + right) / 2}' y='{HEIGHT - 6}' text-anchor='middle'>{html.escape(x_label)}</text>")
    turned = f"x='13' y='{middle}' text-anchor='middle' transform='rotate(-90 13 {middle})'"
    parts.append(f"<text {turned}>{html.escape(y_label)}</text>")
    return "".join(parts)


def _powers(y_range: tuple[float, float]) -> list[float]:
    powers = range(math.ceil(y_range[0]), math.floor(y_range[1]) + 1)
    return [float(p) for p in powers] if len(powers) > 1 else ticks(*y_range, count=3)


def _line(place: _Place, line: Line) -> str:
    if line.x is not None and place.x_range[0] <= line.x <= place.x_range[1]:
        at = place.x(line.x)
        where, text = f"x1='{at:.1f}' x2='{at:.1f}' y1='{TOP}' y2='{HEIGHT - BOTTOM}'", (at - 5, TOP + 12.0)
    elif line.y is not None and place.y_range[0] <= line.y <= place.y_range[1]:
        at = place.y(line.y)
        where, text = f"x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{at:.1f}' y2='{at:.1f}'", (WIDTH - RIGHT - 5, at - 4)
    else:
        return ""
    told = f"<text x='{text[0]:.1f}' y='{text[1]:.1f}' text-anchor='end' class='note'>{html.escape(line.name)}</text>"
    return f"<line {where} class='mark'/>{told}"


def _legend(curves: Sequence[Curve]) -> str:
    parts = []
    for row, (curve, color) in enumerate(zip(curves, COLORS, strict=False)):
        x, y = WIDTH - RIGHT - 30, TOP + 14 + 14 * row
        parts.append(f"<line x1='{x}' x2='{x + 20}' y1='{y}' y2='{y}' stroke='{color}' stroke-width='2'/>")
        parts.append(f"<text x='{x - 6}' y='{y + 4}' text-anchor='end'>{html.escape(curve.name)}</text>")
    return "".join(parts)
