"""Monitor, attenuator and exposure of a BLISS scan."""

from __future__ import annotations

import h5py
import numpy as np

from braggline_models.preprocess.beam import MOST_LOST
from braggline_models.scan import FloatArray
from braggline_service.beamlines import Beamline


def monitor(scan: h5py.Group, line: Beamline, n: int) -> tuple[FloatArray | None, list[str]]:
    """(n,) of the first configured monitor that counts in most frames; flags tell of one that cannot be used."""
    flags: list[str] = []
    for name in line.monitors:
        dataset = first_dataset(scan, f"measurement/{name}", f"instrument/{name}/data")
        if dataset is None:
            continue
        values = np.asarray(dataset[()], np.float64)
        if values.ndim == 1 and len(values) >= n and np.mean(values[:n] > 0) >= 1 - MOST_LOST:  # NaN is not above 0
            return values[:n], flags
        flags.append(f"monitor '{name}' is not used: it does not count in every frame")
    return None, flags


def transmission(scan: h5py.Group, line: Beamline, n: int) -> FloatArray | None:
    """(n,) of the attenuator's counter, 0 to 1, where the beamline has one and the scan recorded it for each frame."""
    if not line.attenuator:
        return None
    dataset = first_dataset(scan, f"measurement/{line.attenuator}", f"instrument/{line.attenuator}/data")
    if dataset is None or dataset.ndim != 1 or len(dataset) < n:
        return None
    return np.asarray(dataset[()], np.float64)[:n]


def exposure_s(scan: h5py.Group, detector: str) -> float | None:
    """Counting time of one frame, where the file tells it."""
    for path in (f"instrument/{detector}/acq_parameters/acq_expo_time", "scan_parameters/count_time"):
        dataset = first_dataset(scan, path)
        if dataset is not None and dataset.size == 1 and float(np.ravel(dataset[()])[0]) > 0:
            return float(np.ravel(dataset[()])[0])
    timed = first_dataset(scan, "measurement/acq_time", "measurement/sec")
    return float(np.median(timed[()])) if timed is not None and timed.size else None


def first_dataset(scan: h5py.Group, *paths: str) -> h5py.Dataset | None:
    """The first of these that is there and numeric; 'positioners/...' lies below instrument."""
    for path in paths:
        dataset = scan.get(path)
        if isinstance(dataset, h5py.Dataset) and dataset.dtype.kind in "iuf":
            return dataset
    return None
