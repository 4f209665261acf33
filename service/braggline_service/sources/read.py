"""One door for every file that holds a rocking curve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  registers the filters that detectors use
import numpy as np

from braggline_models.errors import BadInput
from braggline_models.scan import RockingCurve
from braggline_service.beamlines import load_beamline
from braggline_service.sources import aps34idc, bliss_nexus
from braggline_service.sources.check import checked

DETECTOR_KEYS = ("distance_m", "beam_center_row_px", "beam_center_column_px")


def read_scan(
    path: Path,
    entry: str | None = None,
    detector: str | None = None,
    beamline: str | None = None,
    overrides: Mapping[str, float] | None = None,
) -> RockingCurve:
    """The rocking curve of `path`; layout, entry and detector are found where they are unambiguous.

    `overrides`: circle angles in deg by name, energy_eV, distance_m, beam_center_row_px, beam_center_column_px; they
    replace what the file says. Raises BadInput, in one line, for whatever is not fit to be phased.
    """
    given = dict(overrides or {})
    with opened(path) as file:
        if "frames" in file and "geometry" in file:
            curve = aps34idc.read(file, path, load_beamline(beamline or "aps34idc"), given)
        else:
            curve = bliss_nexus.read(file, path, load_beamline(beamline or "id01"), entry, detector, given)
    return checked(_overridden(curve, given))


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file that another program may still be writing. BadInput where it cannot be read."""
    if not path.is_file():
        raise BadInput(f"{path}: no such file; give a BLISS NeXus file")
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as error:
        reason = "is truncated or still being written" if "truncated" in str(error) else "is not a readable HDF5 file"
        raise BadInput(f"{path}: {reason}; wait for the scan to end, or give another file") from error
    with file:
        try:
            yield file
        except (OSError, RuntimeError) as error:
            raise BadInput(
                f"{path}: cannot be read to its end ({str(error).splitlines()[0]}); copy it again"
            ) from error


def _overridden(curve: RockingCurve, given: Mapping[str, float]) -> RockingCurve:
    known = {"energy_eV", *DETECTOR_KEYS, *curve.diffractometer.circle_names}
    if unknown := sorted(set(given) - known):
        raise BadInput(f"--set {unknown[0]}: unknown; known are {', '.join(sorted(known))} and recipe.KEY")
    angles = dict(curve.angles_deg)
    for name in set(given) & set(curve.diffractometer.circle_names):
        angles[name] = np.full(len(curve.measured), float(given[name]))
    row, column = curve.detector.beam_center_px
    detector = replace(
        curve.detector,
        distance_m=given.get("distance_m", curve.detector.distance_m),
        beam_center_px=(given.get("beam_center_row_px", row), given.get("beam_center_column_px", column)),
    )
    return replace(curve, angles_deg=angles, detector=detector, energy_eV=given.get("energy_eV", curve.energy_eV))
