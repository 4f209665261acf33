"""What blissdata's `scan.info` tells about a scan before its first frame. Pure: mappings in, a header out."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from braggline_models.errors import BadInput
from braggline_service.beamlines import Beamline, load_beamline
from braggline_service.messages import DetectorInfo, Roi, ScanHeader

logger = logging.getLogger(__name__)
Info = Mapping[str, Any]


def beamline_of(info: Info, fallback: str) -> Beamline | None:
    """The beamline that the scan names, else `fallback`; None, with a warning, if neither is configured."""
    for name in (beamline_name(info), fallback):
        try:
            if name:
                return load_beamline(name)
        except BadInput as error:
            logger.warning("%s", error)
    return None


def beamline_name(info: Info) -> str:
    """What the session calls its beamline under instrument/beamline; '' where it does not."""
    name = _mapping(info, "instrument").get("beamline", "")
    return name if isinstance(name, str) else ""


def header_of_info(
    key: str, info: Info, dataset: str, detector: DetectorInfo, axes: tuple[str, ...], roi_px: Roi | None, fallback: str
) -> ScanHeader:
    """The header of scan `key`; `axes` move, the first one rocks; `fallback`: the beamline of the settings."""
    number = int(info.get("scan_nb", 0))
    return ScanHeader(
        key=key,
        name=f"{dataset}_scan{number:04d}",
        title=str(info.get("title", "")),
        beamline=beamline_name(info),
        detector=detector,
        roi_px=roi_px,
        n_frames=max(int(info.get("npoints") or 0), 0),
        scanned=axes[0] if axes else "",
        positions={name: value for name, value in positioners(info).items() if name not in axes},
        energy_eV=energy_eV(info, beamline_of(info, fallback)),
        exposure_s=_number(info.get("count_time")),
        data_path=data_path(info),
        started=str(info.get("start_time", "")),
        scan_number=number,
        extra={"session": str(info.get("session_name", "")), "publisher": str(info.get("publisher_version", ""))},
    )


def positioners(info: Info) -> dict[str, float]:
    """Where every positioner stood when the scan began, by name."""
    start = _mapping(info, "positioners", "positioners_start")
    return {name: number for name, value in start.items() if (number := _number(value)) is not None}


def detector_info(info: Info, name: str, shape_px: tuple[int, int]) -> DetectorInfo:
    """instrument/NAME {distance, beam_center_x (column), beam_center_y (row), x_pixel_size, y_pixel_size}.

    A zero is a value that nobody has set. Pixel sizes come from the detector's own metadata where the session has none.
    """
    told = _mapping(info, "instrument", name)
    own: Mapping[str, Any] = next(
        (d.get("metadata", {}) for d in _mapping(info, "devices").values() if d.get("name") == name), {}
    )
    return DetectorInfo(
        name=name,
        shape_px=shape_px,
        pixel_size_m=_pair(told, "y_pixel_size", "x_pixel_size") or _pair(own, "y_pixel_size", "x_pixel_size"),
        distance_m=_number(told.get("distance")) or None,
        beam_center_px=_pair(told, "beam_center_y", "beam_center_x"),
    )


def energy_eV(info: Info, beamline: Beamline | None) -> float | None:
    """From the first of the beamline's energy sources that the scan has."""
    for source in beamline.energy if beamline else ():
        place, _, rest = source.path.partition("/")
        found: Any = positioners(info) if place == "positioners" else _mapping(info, place)
        for part in rest.split("/"):
            found = found.get(part) if isinstance(found, Mapping) else None
        value = _number(found)
        if value:
            return value * source.eV_per_unit
    return None


def data_path(info: Info) -> str:
    """The file that BLISS writes, else the folder of the detector's images, else ''."""
    if info.get("filename"):
        return str(info["filename"])
    images = info.get("images_path")
    return str(Path(images).parent) if images else ""


def _mapping(info: Info, *path: str) -> Mapping[str, Any]:
    found: Any = info
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _number(value: Any) -> float | None:
    ok = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if ok else None


def _pair(told: Mapping[str, Any], row: str, column: str) -> tuple[float, float] | None:
    values = _number(told.get(row)), _number(told.get(column))
    return (values[0], values[1]) if values[0] and values[1] else None
