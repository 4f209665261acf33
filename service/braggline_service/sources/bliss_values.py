"""Energy, monitor and exposure of a BLISS scan."""

from __future__ import annotations

from collections.abc import Mapping

import h5py
import numpy as np

from braggline_models.errors import BadInput
from braggline_models.scan import FloatArray
from braggline_service.beamlines import Beamline

XRAYS_eV = (1000.0, 200_000.0)
MOST_ENERGY_DRIFT = 1e-3


def energy_eV(scan: h5py.Group, line: Beamline, known: Mapping[str, float]) -> float:
    """The photon energy of the caller, or of the first source in the beamline's list that the file has."""
    if "energy_eV" in known:
        return known["energy_eV"]
    for source in line.energy:
        dataset = _first(scan, source.path, f"instrument/{source.path}")
        if dataset is None:
            continue
        values = np.ravel(dataset[()]).astype(np.float64) * source.eV_per_unit
        where = f"{scan.file.filename}::{dataset.name}"
        if not XRAYS_eV[0] <= float(values.min()) <= float(values.max()) <= XRAYS_eV[1]:
            raise BadInput(f"{where}: {values[0]:g} eV is no X-ray energy; give --set energy_eV=EV")
        if float(np.ptp(values)) > MOST_ENERGY_DRIFT * float(values.mean()):
            raise BadInput(f"{where}: the energy changes during the scan; give a scan of one energy")
        return float(values.mean())
    tried = ", ".join(source.path for source in line.energy)
    raise BadInput(f"{scan.file.filename}::{scan.name}: no energy ({tried}); give --set energy_eV=EV")


def monitor(scan: h5py.Group, line: Beamline, n: int) -> tuple[FloatArray | None, list[str]]:
    """(n,) of the first configured monitor that counts in every frame; flags tell of one that cannot be used."""
    flags: list[str] = []
    for name in line.monitors:
        dataset = _first(scan, f"measurement/{name}", f"instrument/{name}/data")
        if dataset is None:
            continue
        values = np.asarray(dataset[()], np.float64)
        if values.ndim == 1 and len(values) >= n and np.all(np.isfinite(values[:n])) and np.all(values[:n] > 0):
            return values[:n], flags
        flags.append(f"monitor '{name}' is not used: it does not count in every frame")
    return None, flags


def exposure_s(scan: h5py.Group, detector: str) -> float | None:
    """Counting time of one frame, where the file tells it."""
    for path in (f"instrument/{detector}/acq_parameters/acq_expo_time", "scan_parameters/count_time"):
        dataset = _first(scan, path)
        if dataset is not None and dataset.size == 1 and float(np.ravel(dataset[()])[0]) > 0:
            return float(np.ravel(dataset[()])[0])
    timed = _first(scan, "measurement/acq_time", "measurement/sec")
    return float(np.median(timed[()])) if timed is not None and timed.size else None


def _first(scan: h5py.Group, *paths: str) -> h5py.Dataset | None:
    """The first of these that is there and numeric; 'positioners/...' lies below instrument."""
    for path in paths:
        dataset = scan.get(path)
        if isinstance(dataset, h5py.Dataset) and dataset.dtype.kind in "iuf":
            return dataset
    return None
