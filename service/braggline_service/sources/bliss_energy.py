"""The photon energy of a BLISS scan, which may be what is scanned."""

from __future__ import annotations

from collections.abc import Mapping

import h5py
import numpy as np

from braggline_models.errors import BadInput
from braggline_models.scan import FloatArray
from braggline_service.beamlines import Beamline
from braggline_service.sources.bliss_values import first_dataset

XRAYS_eV = (1000.0, 200_000.0)
MOST_DRIFT = 1e-3  # of the energy, while a circle rocks


def energy_eV(
    scan: h5py.Group, line: Beamline, known: Mapping[str, float], n: int, circle_moves: bool
) -> tuple[float, FloatArray | None]:
    """The energy of the caller, or of the first source in the beamline's list that the file has; None beside it.

    Where the energy moves and no circle does it is an energy scan: then the mean, and the energies, (n,).
    BadInput where there is none, where it is no X-ray's, and where it moves beside a circle.
    """
    scanned = None if circle_moves else scanned_energies(scan, line)
    if "energy_eV" in known:
        if scanned is not None:
            raise BadInput("--set energy_eV: the energy moves in this scan and has its own positions; leave it out")
        return known["energy_eV"], None
    sources = _sources(scan, line)
    where, values = scanned or next(iter(sources), ("", np.zeros(0)))
    if not where:
        tried = ", ".join(source.path for source in line.energy)
        raise BadInput(f"{scan.file.filename}::{scan.name}: no energy ({tried}); give --set energy_eV=EV")
    if not XRAYS_eV[0] <= float(values.min()) <= float(values.max()) <= XRAYS_eV[1]:
        raise BadInput(f"{where}: {values[0]:g} eV is no X-ray energy; give --set energy_eV=EV")
    if scanned:
        if len(values) < n:
            raise BadInput(f"{where}: {len(values)} energies for {n} frames; each frame needs one")
        return float(values[:n].mean()), values[:n]
    if float(np.ptp(values)) > MOST_DRIFT * float(values.mean()):
        raise BadInput(f"{where}: the energy changes while a circle rocks; give a scan of one of them")
    return float(values.mean()), None


def scanned_energies(scan: h5py.Group, line: Beamline) -> tuple[str, FloatArray] | None:
    """FILE::PATH and (n,) in eV of the first source that goes one way from frame to frame; None: the energy rests."""
    for where, values in _sources(scan, line):
        steps = np.diff(values)
        if len(steps) and (np.all(steps > 0) or np.all(steps < 0)):  # what only jitters turns back
            return where, values
    return None


def _sources(scan: h5py.Group, line: Beamline) -> list[tuple[str, FloatArray]]:
    found: list[tuple[str, FloatArray]] = []
    for source in line.energy:
        dataset = first_dataset(scan, source.path, f"instrument/{source.path}")
        if dataset is not None and dataset.size:
            values = np.ravel(dataset[()]).astype(np.float64) * source.eV_per_unit
            found.append((f"{scan.file.filename}::{dataset.name}", values))
    return found
