"""One door for scans on disk: finds out which layout it is and gives a rocking curve that is fit for use."""

from __future__ import annotations

from pathlib import Path

import h5py

from braggline_models.scan import RockingCurve
from braggline_service.sources import aps34idc, bliss_nexus
from braggline_service.sources.hdf5_file import read_growing
from braggline_service.sources.overrides import Overrides


def read_scan(
    path: Path,
    entry: str | None = None,
    detector: str | None = None,
    beamline: str | None = None,
    overrides: Overrides | None = None,
) -> RockingCurve:
    """The rocking curve of one scan in `path`.

    entry, detector  found where there is only one choice
    beamline         name or file of a configuration; by default that which the layout belongs to
    overrides        circles in deg by name and the keys of overrides.GEOMETRY, FILES and DETECTOR
    A scan that is still being written gives the frames that are there. Raises BadInput, one line with file, dataset
    and remedy, for what cannot be used; what can, though it is suspect, is told in the curve's flags.
    """

    def read(file: h5py.File) -> RockingCurve:
        layout = aps34idc if aps34idc.recognises(file) else bliss_nexus
        return layout.read(file, entry, detector, beamline, dict(overrides or {}))

    return read_growing(path, read)
