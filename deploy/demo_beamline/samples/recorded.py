"""Frames that were measured once, played back: the one nearest to the position of the rocking motor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  the filters of the frames
import numpy as np

from braggline_models.errors import BadInput
from demo_beamline.samples.detectors import DetectorModel
from demo_beamline.samples.sample import Frame, SuggestedScan

CIRCLES = {"delta": "delta_deg", "gamma": "gamma_deg", "chi": "chi_deg", "phi": "phi_deg"}


class RecordedSample:
    """A file with frames (n, rows, columns), theta_deg (n,) and geometry/*: a rocking curve of APS 34-ID-C.

    The motors carry that beamline's names (theta rocks); counts come as recorded, whatever the exposure.
    """

    beamline = "aps34idc"

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            with h5py.File(path) as file:
                self._frames = np.asarray(file["frames"], np.uint32)
                self._theta = np.asarray(file["theta_deg"], float)
                geometry = {key: float(np.asarray(value[()])) for key, value in file["geometry"].items()}
        except (OSError, KeyError, ValueError) as error:
            raise BadInput(f"{path}: no recorded curve (frames, theta_deg, geometry/*): {error}") from error
        self._step = float(np.median(np.abs(np.diff(self._theta))))
        self.energy_eV = _of(geometry, path, "energy_eV")
        rows, columns = self._frames.shape[1:]
        self.detector = DetectorModel(
            "simdet",
            "Timepix, frames played back",
            (rows, columns),
            _of(geometry, path, "pixel_size_m"),
            _of(geometry, path, "detector_distance_m"),
            ((rows - 1) / 2, (columns - 1) / 2),  # not recorded: the middle of the frame looks along (delta, gamma)
        )
        brightest = int(self._frames.sum((1, 2), dtype=np.int64).argmax())
        self.home: Mapping[str, float] = {
            "theta": float(self._theta[brightest]),
            **{name: _of(geometry, path, key) for name, key in CIRCLES.items()},
            "energy": self.energy_eV,
            "pix": 50.0,
            "piy": 50.0,
            "piz": 50.0,
        }

    @property
    def scan(self) -> SuggestedScan:
        """Visits each recorded frame once."""
        return SuggestedScan("theta", float(self._theta[0]), float(self._theta[-1]), len(self._theta) - 1)

    def frame(self, positions: Mapping[str, float], exposure_s: float, index: int) -> Frame:
        """The recorded frame nearest to theta; nothing beyond the ends."""
        distance = np.abs(self._theta - positions.get("theta", self.home["theta"]))
        nearest = int(distance.argmin())
        return self._frames[nearest] if distance[nearest] <= self._step else np.zeros_like(self._frames[0])


def _of(geometry: Mapping[str, float], path: Path, name: str) -> float:
    if name not in geometry:
        raise BadInput(f"{path}: geometry/{name} is missing; it has {sorted(geometry)}")
    return geometry[name]
