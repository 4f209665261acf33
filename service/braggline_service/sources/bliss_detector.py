"""The pose of a detector as a BLISS file tells it, over what the configuration says."""

from __future__ import annotations

import re
from dataclasses import replace

import h5py
import numpy as np

from braggline_models.scan import BoolArray, Detector
from braggline_service.sources.overrides import Window

METERS = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "micron": 1e-6, "nm": 1e-9}
PIXEL_M, DISTANCE_M = (1e-6, 1e-3), (0.01, 50.0)  # anything else is a value that nobody has set


def detector_of_file(group: h5py.Group, configured: Detector, dtype: np.dtype) -> tuple[Detector, list[str]]:
    """The whole detector; flags name what the file leaves to the configuration. Tilts are never in the file."""
    flags = []
    pixel = _pair(_length_m(group, "y_pixel_size", PIXEL_M), _length_m(group, "x_pixel_size", PIXEL_M))
    distance = _length_m(group, "distance", DISTANCE_M)
    center = _pair(_number(group, "beam_center_y"), _number(group, "beam_center_x"))
    if center == (0.0, 0.0):
        center = None
    for name, value in (("distance", distance), ("beam center", center)):
        if value is None:
            flags.append(f"the {name} is that of the configuration: the file does not tell it")
    detector = replace(
        configured,
        pixel_size_m=pixel or configured.pixel_size_m,
        distance_m=distance or configured.distance_m,
        beam_center_px=center or configured.beam_center_px,
        saturation_counts=_saturation(group, configured, dtype),
    )
    return detector, flags


def pixel_mask(group: h5py.Group, shape_px: tuple[int, int], window: Window | None) -> BoolArray:
    """True where the detector's own mask says so; of the whole detector or of its window, whichever the file has."""
    dataset = group.get("pixel_mask")
    if not isinstance(dataset, h5py.Dataset) or dataset.ndim != 2:
        return np.zeros(shape_px, bool)
    mask = dataset[()] != 0
    if mask.shape == shape_px:
        return np.asarray(mask)
    if window is not None:
        mask = mask[window.row : window.row + shape_px[0], window.column : window.column + shape_px[1]]
    return np.asarray(mask) if mask.shape == shape_px else np.zeros(shape_px, bool)


def roi_of_file(group: h5py.Group) -> Window | None:
    """Lima's own ROI, where the file records it: image_roi as x, y, width, height."""
    for path in ("ctrl_parameters/image_roi", "acq_parameters/image_roi"):
        dataset = group.get(path)
        if isinstance(dataset, h5py.Dataset):
            raw = dataset.asstr()[()] if h5py.check_string_dtype(dataset.dtype) else np.ravel(dataset[()])
            numbers = [int(float(v)) for v in (re.findall(r"-?\d+", raw) if isinstance(raw, str) else raw)]
            if len(numbers) == 4 and numbers[2] > 0 and numbers[3] > 0:
                return Window(numbers[1], numbers[0])
    return None


def _saturation(group: h5py.Group, configured: Detector, dtype: np.dtype) -> float:
    """The lowest of what detector, configuration and the file's integers can count."""
    told = _number(group, "saturation_value")
    limits = [configured.saturation_counts, told if told and told > 0 else np.inf]
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        limits.append(float(np.iinfo(dtype).max))
    return min(limits)


def _length_m(group: h5py.Group, name: str, plausible: tuple[float, float]) -> float | None:
    value = _number(group, name)
    if value is None:
        return None
    units = group[name].attrs.get("units", "m")
    meters = value * METERS.get(units.decode() if isinstance(units, bytes) else str(units), 1.0)
    return meters if plausible[0] <= meters <= plausible[1] else None


def _number(group: h5py.Group, name: str) -> float | None:
    dataset = group.get(name)
    if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "iuf" or dataset.size != 1:
        return None
    value = float(np.ravel(dataset[()])[0])
    return value if np.isfinite(value) else None


def _pair(row: float | None, column: float | None) -> tuple[float, float] | None:
    return None if row is None or column is None else (row, column)
