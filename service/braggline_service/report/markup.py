"""Text and tables of the page; every word from outside is escaped here."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterable, Mapping, Sequence


def escaped(text: object) -> str:
    """`text` as it is read, never as markup."""
    return html.escape(str(text), quote=True)


def number(value: float, digits: int = 3, scale: float = 1.0, signed: bool = False) -> str:
    """`value` times `scale` with this many significant digits; a dash where it is not known."""
    if not math.isfinite(value):
        return "–"
    value, sign = value * scale, "+" if signed else ""
    power = math.floor(math.log10(abs(value))) if value else 0
    told = f"{value:{sign}.{max(digits - 1 - power, 0)}f}" if -4 <= power <= 6 else f"{value:{sign}.{digits - 1}e}"
    return told.replace("-", "−")


def indices(hkl: tuple[int, int, int]) -> str:
    """'1 −1 1'; a dash where they are not known."""
    return " ".join(str(index).replace("-", "−") for index in hkl) if any(hkl) else "–"


def pairs(rows: Mapping[str, str]) -> str:
    """Names with their values."""
    cells = "".join(f"<tr><th>{escaped(k)}</th><td>{escaped(v)}</td></tr>" for k, v in rows.items())
    return f"<table class='pairs'>{cells}</table>"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a header; cells after the first are numbers."""
    first = "".join(f"<th>{escaped(name)}</th>" for name in head)
    cells = "".join("<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f"<div class='wide'><table class='columns'><thead><tr>{first}</tr></thead><tbody>{cells}</tbody></table></div>"
    )


def nothing(text: str) -> str:
    """Says what is not there, and why."""
    return f"<p class='none'>{escaped(text)}</p>"


def section(title: str, body: str, place: str = "") -> str:
    """A box of the page; `place` is its class in the grid."""
    return f"<section class='{place}'><h2>{escaped(title)}</h2>{body}</section>"


def image(png: bytes, text: str, place: str = "") -> str:
    """A picture inside the page."""
    data = base64.b64encode(png).decode()
    return f"<img class='{place}' alt='{escaped(text)}' src='data:image/png;base64,{data}'>"
