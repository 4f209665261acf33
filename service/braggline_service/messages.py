"""What travels through Redis beside the pixels: headers, checked on both ends, unknown keys refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from braggline_models.errors import BadInput

SCHEMA_VERSION: Literal[1] = 1
State = Literal["open", "complete", "aborted"]
Roi = tuple[int, int, int, int]


class Message(BaseModel):
    """A frozen JSON object. Other programs read it: a change of meaning is a new schema_version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = SCHEMA_VERSION

    @classmethod
    def received(cls, raw: bytes, what: str) -> Self:
        """`raw` as this message. BadInput names `what` where it was written by another version."""
        try:
            return cls.model_validate_json(raw)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()}" for e in error.errors()[:3])
            raise BadInput(f"{what}: not what this version reads ({wrong}); run one version of braggline") from error


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DetectorInfo(Part):
    """The whole detector as the scan knows it; what it does not know is None and comes from the beamline's file."""

    name: str
    shape_px: tuple[int, int]
    pixel_size_m: tuple[float, float] | None = None
    distance_m: float | None = None
    beam_center_px: tuple[float, float] | None = Field(None, description="row, column")


class ScanHeader(Message):
    """A scan before its first frame."""

    key: str = Field(description="what the scan is called in Redis")
    name: str = Field(description="dataset and number of the scan, for people and file names")
    title: str = ""
    beamline: str = ""
    detector: DetectorInfo
    roi_px: Roi | None = Field(
        None, description="row start, row stop, column start, column stop of what is published; None: the whole frame"
    )
    n_frames: int = Field(0, ge=0, description="announced by the scan; 0: not known")
    scanned: str = Field("", description="the axis that moves")
    positions: Mapping[str, float] = Field({}, description="every positioner that stands still, in its own unit")
    energy_eV: float | None = None
    exposure_s: float | None = None
    data_path: str = Field("", description="file or folder of the raw scan")
    started: str = Field("", description="ISO 8601")
    scan_number: int = 0
    extra: Mapping[str, str] = {}


class Reference(Part):
    """Where a frame is on disk when its pixels are not in Redis; `roi_px` is cut out on reading."""

    file: str
    dataset: str = Field("", description="in an HDF5 file; none in an EDF file")
    index: int = Field(ge=0)
    roi_px: Roi | None = None


class FrameHeader(Message):
    """One frame: its index, where the scanned axes were, and how its bytes are packed. A position that the scan
    never told is absent."""

    scan: str
    index: int = Field(ge=0)
    positions: Mapping[str, float] = {}
    monitor: float | None = None
    transmission: float | None = Field(None, description="of the attenuator, 0 to 1")
    shape: tuple[int, int] = (0, 0)
    dtype: str = ""
    codec: Literal["bitshuffle-lz4", "none"] = "none"
    reference: Reference | None = None
