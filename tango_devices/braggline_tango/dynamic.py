"""A row of the table as a Tango attribute."""

from __future__ import annotations

from typing import Any

from tango.server import attribute

from braggline_tango.attributes import LENGTH, SIDE, Row

TANGO_TYPES = {
    "str": str, "float": float, "int": "DevLong64", "spectrum": (float,), "lines": (str,),
    "image": (("DevFloat",),), "counts": (("DevULong",),),
}  # fmt: skip


def attribute_of(row: Row, read: Any) -> attribute:
    sizes = {1: {"max_dim_x": LENGTH}, 2: {"max_dim_x": SIDE, "max_dim_y": SIDE}}.get(row.rank, {})
    limits = {"min_value": row.minimum, "max_value": row.maximum}
    texts = {"unit": row.unit, "label": row.label, "doc": row.description, "format": row.format}
    given = {key: value for key, value in {**limits, **texts}.items() if value not in (None, "")}
    return attribute(name=row.name, dtype=TANGO_TYPES[row.kind], fget=read, **sizes, **given)
