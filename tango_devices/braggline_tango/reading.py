"""From what the service keeps to what Tango shows: value and quality of each row. Pure: no Tango call, no Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from tango import AttrQuality

from braggline_models.errors import BadInput
from braggline_service.board import Snapshot
from braggline_tango.attributes import ADVISOR, INGEST, RECONSTRUCTION, Row

INVALID, VALID = AttrQuality.ATTR_INVALID, AttrQuality.ATTR_VALID
CHANGING, ALARM = AttrQuality.ATTR_CHANGING, AttrQuality.ATTR_ALARM
GROWING = ("waiting", "following", "phasing")
USABLE = ("pending", "approved")


@dataclass(frozen=True)
class Shown:
    """One attribute as it is shown now."""

    value: Any
    quality: Any

    def same_as(self, other: Shown) -> bool:
        if self.quality != other.quality or type(self.value) is not type(other.value):
            return False
        if isinstance(self.value, np.ndarray):
            return np.array_equal(self.value, other.value, equal_nan=True)
        return bool(self.value == other.value)


def nothing(rows: Sequence[Row]) -> dict[str, Shown]:
    return {row.name: Shown(row.empty, INVALID) for row in rows}


# ---- reconstruction
def quality_of(snapshot: Snapshot, accepted: bool = False) -> Any:
    """CHANGING while it grows, VALID when final, ALARM where it must not be trusted unless somebody accepted it."""
    if snapshot.stage in GROWING:
        return CHANGING
    bad = snapshot.stage in ("failed", "aborted") or snapshot.values.get("gate") == "failed"
    return ALARM if bad and not accepted else VALID


def read_snapshot(
    snapshot: Snapshot | None, slice_index: Sequence[int] = (-1, -1, -1), accepted: bool = False
) -> dict[str, Shown]:
    """Every row of the reconstruction; what the snapshot does not hold (yet) is INVALID."""
    if snapshot is None:
        return nothing(RECONSTRUCTION)
    quality = quality_of(snapshot, accepted)
    shown = {}
    for row in RECONSTRUCTION:
        value = _of_snapshot(row, snapshot, slice_index)
        shown[row.name] = Shown(row.empty, INVALID) if value is None else Shown(_typed(row, value), quality)
    return shown


def _of_snapshot(row: Row, snapshot: Snapshot, slice_index: Sequence[int]) -> Any:
    if row.source == "snapshot":
        return getattr(snapshot, row.key)
    if row.source == "value":
        return snapshot.values.get(row.key)
    if row.source == "json":
        return json.dumps(snapshot.values[row.key]) if row.key in snapshot.values else None
    array = snapshot.arrays.get(row.key)
    if array is None or row.source == "array":
        return array
    return cut(array, row.axis, slice_index[row.axis])


def cut(volume: np.ndarray, axis: int, index: int) -> np.ndarray:
    """The plane `index` across `axis` of a (z, y, x) volume; -1 is the center, and no index leaves the volume."""
    n = volume.shape[axis]
    return np.ascontiguousarray(volume.take(n // 2 if index < 0 else min(index, n - 1), axis=axis))


def three_indices(indices: Any) -> tuple[int, int, int]:
    values = [int(v) for v in indices]
    if len(values) != 3 or min(values) < -1:
        raise BadInput(f"SliceIndex: {values} is no place; give three voxels along z, y, x, each -1 (center) or more")
    return values[0], values[1], values[2]


# ---- ingest
def read_status(status: Any) -> dict[str, Shown]:
    """Every row of the ingest: INVALID before the first scan, CHANGING while frames come."""
    if status is None or not status.scan:
        return nothing(INGEST)
    quality = CHANGING if status.state == "following" else VALID
    values = {row: getattr(status, row.key) for row in INGEST}
    return {
        row.name: Shown(row.empty, INVALID) if value is None else Shown(_typed(row, value), quality)
        for row, value in values.items()
    }


# ---- advisor
def read_advice(document: Mapping[str, Any]) -> dict[str, Shown]:
    """Every row of the advisor: the numbers are INVALID unless they may be used, the record stays readable."""
    stands, usable = document["state"] != "none", document["state"] in USABLE
    shown = nothing(ADVISOR)
    shown["History"] = Shown([_line(entry) for entry in document["history"]], VALID)
    if not stands:
        return shown
    for row in ADVISOR:
        value = _of_document(row, document)
        if value is not None and (usable or row.source == "document"):
            shown[row.name] = Shown(value if row.kind == "lines" else _typed(row, value), VALID)
    return shown


def _of_document(row: Row, document: Mapping[str, Any]) -> Any:
    if row.source == "parameter":
        return document["parameters"].get(row.key)
    if row.source == "later":
        return None
    if row.name == "Recommendation":
        return json.dumps({k: v for k, v in document.items() if k != "history"})
    if row.name == "History":
        return [_line(entry) for entry in document["history"]]
    if row.name == "ExpiresAt":
        return iso(document["expires_at"])
    return document.get(row.key)


def _line(entry: Mapping[str, Any]) -> str:
    parts = [iso(entry["at"]), entry["state"], entry["id"], entry["action"], entry["note"]]
    return " ".join(part for part in parts if part)


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")


def _typed(row: Row, value: Any) -> Any:
    if row.kind == "spectrum":
        return np.asarray(value, np.float64)
    if row.rank == 2:
        return np.ascontiguousarray(value, np.uint32 if row.kind == "counts" else np.float32)
    return {"str": str, "float": float, "int": int}[row.kind](value)
