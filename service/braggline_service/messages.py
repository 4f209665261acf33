"""What travels through Redis beside the pixels: headers, checked on both ends, unknown keys refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = SCHEMA_VERSION


class DetectorInfo(BaseModel):
    """The detector as the scan knows it; what it does not know is None and comes from the beamline's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    shape_px: tuple[int, int]
    pixel_size_m: tuple[float, float] | None = None
    distance_m: float | None = None
    beam_center_px: tuple[float, float] | None = None


class ScanHeader(Message):
    """A scan before its first frame. `positions`: every positioner that stands still; `scanned`: the axis that moves.

    beam_center_px and shape_px of the detector are those of the whole frame; `roi_px` (row start, row stop, column
    start, column stop) is the part that is published.
    """

    key: str
    name: str
    title: str = ""
    beamline: str = ""
    detector: DetectorInfo
    roi_px: tuple[int, int, int, int] | None = None
    n_frames: int = 0
    scanned: str = ""
    positions: Mapping[str, float] = {}
    energy_eV: float | None = None
    exposure_s: float | None = None
    data_path: str = ""
    started: str = ""
    scan_number: int = 0
    extra: Mapping[str, str] = {}


class Reference(BaseModel):
    """Where a frame is on disk when its pixels are not in Redis."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    dataset: str
    index: int
    roi_px: tuple[int, int, int, int] | None = None


class FrameHeader(Message):
    """One frame: its index, the position of the scanned axis there, and how its bytes are packed."""

    scan: str
    index: int
    positions: Mapping[str, float] = {}
    monitor: float | None = None
    shape: tuple[int, int] = (0, 0)
    dtype: str = ""
    codec: Literal["bitshuffle-lz4", "none"] = "none"
    reference: Reference | None = None
