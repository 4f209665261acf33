"""A rocking curve that grows frame by frame."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.preprocess import beam_factors
from braggline_models.scan import Corrections, Detector, FloatArray, RockingCurve
from braggline_service.beamlines import Beamline
from braggline_service.messages import ScanHeader
from braggline_service.streams import Frame

IN_MEMORY_BYTES = 1 << 29  # a larger scan is kept in a file of the system's temporary folder


class GrowingCurve:
    """Puts frames at their index, whatever the order they come in, and gives the curve as it stands."""

    def __init__(self, header: ScanHeader, beamline: Beamline) -> None:
        self.header = header
        self.beamline = beamline
        self.detector, self.mask, self.corrections = _detector(header, beamline)
        self._positions: dict[str, FloatArray] = {}
        self._measured = np.zeros(max(header.n_frames, 1), bool)
        self._monitor, self._transmission = (np.full(self._measured.shape, np.nan) for _ in range(2))
        self._counts = np.full(self._measured.shape, np.nan)
        self._intensity: NDArray[np.generic] | None = None

    @property
    def n_measured(self) -> int:
        return int(np.count_nonzero(self._measured))

    @property
    def n_expected(self) -> int:
        return self.header.n_frames or self.n_measured

    def add(self, frame: Frame) -> None:
        """Take one frame; an index beyond the announced number makes the curve longer."""
        image = np.asarray(frame.image)
        if image.shape != self.detector.shape_px:
            name, announced = self.header.name, self.detector.shape_px
            raise BadInput(f"{name}: frame {frame.index} has shape {image.shape}, the scan announced {announced}")
        if self._intensity is None:
            self._intensity = _stack((len(self._measured), *image.shape), image.dtype)
        if frame.index >= len(self._measured):
            self._grow(max(frame.index + 1, len(self._measured) * 2 if self.header.n_frames == 0 else 0))
        self._intensity[frame.index] = image
        self._measured[frame.index] = True
        self._counts[frame.index] = image[~self.mask].sum(dtype=np.float64)
        for values, value in ((self._monitor, frame.monitor), (self._transmission, frame.transmission)):
            values[frame.index] = np.nan if value is None else value
        for name, value in frame.positions.items():
            known = self._positions.setdefault(name, np.full(len(self._measured), np.nan))
            known[frame.index] = value

    @property
    def brightest(self) -> int:
        """Index of the frame with the most counts so far; -1 where there is none."""
        return int(np.nanargmax(self._counts)) if np.isfinite(self._counts).any() else -1

    def curve(self, whole: bool = True) -> RockingCurve:
        """The curve now; frames not measured are marked so, or left out at the end if not `whole`."""
        if self._intensity is None:
            raise BadInput(f"{self.header.name}: no frame has arrived; is the detector in the scan and saving?")
        last = int(np.flatnonzero(self._measured)[-1]) + 1
        n = max(self.header.n_frames, last) if whole and self.header.n_frames else last
        if self.header.energy_eV is None:
            raise BadInput(
                f"{self.header.name}: the scan does not tell the energy; add the energy motor of "
                f"beamline '{self.beamline.name}' to the session"
            )
        energies = self._energies_eV(n)
        monitor, transmission = self._beam(n)
        return RockingCurve(
            name=self.header.name,
            intensity=self._intensity[:n],
            mask=self.mask,
            measured=self._measured[:n].copy(),
            angles_deg=self._angles(n),
            energy_eV=self.header.energy_eV if energies is None else float(energies.mean()),
            detector=self.detector,
            diffractometer=self.beamline.diffractometer,
            exposure_s=self.header.exposure_s,
            monitor=monitor,
            energies_eV=energies,
            corrections=self.corrections,
            transmission=transmission,
        )

    def rocking_curve(self) -> dict[str, FloatArray]:
        """Counts of each frame in a steady beam and the position of the scanned circle in deg, NaN where not measured.

        Each (n_frames,). Of an energy scan, the positions of its motor, in its own unit.
        """
        angles = self._positions.get(self.header.scanned, np.full(len(self._counts), np.nan))
        n = self.header.n_frames or len(self._counts)
        factors = beam_factors(self._measured[:n], *self._beam(n))
        return {"rocking_curve": self._counts[:n] * factors, "rocking_angle_deg": angles[:n].copy()}

    def _beam(self, n: int) -> tuple[FloatArray | None, FloatArray | None]:
        """Monitor and transmission of the first `n` frames; None where no frame has one."""
        both = self._monitor[:n].copy(), self._transmission[:n].copy()
        monitor, transmission = (values if np.isfinite(values).any() else None for values in both)
        return monitor, transmission

    def _angles(self, n: int) -> Mapping[str, FloatArray]:
        """Positions of each circle for each frame; where a frame is missing, along the line through its neighbors."""
        angles: dict[str, FloatArray] = {}
        for circle, motor in self.beamline.motors.items():
            if motor in self._positions:
                angles[circle] = _completed(self._positions[motor][:n])
            elif motor in self.header.positions:
                angles[circle] = np.full(n, self.header.positions[motor])
        return angles

    def _energies_eV(self, n: int) -> FloatArray | None:
        """The energy of each frame where its motor is scanned in place of a sample circle."""
        motors = self.beamline.motors
        if any(motors[c.name] in self._positions for c in self.beamline.diffractometer.sample_circles):
            return None
        for source in self.beamline.energy:
            motor = source.path.removeprefix("positioners/")
            if motor in self._positions:
                return _completed(self._positions[motor][:n]) * source.eV_per_unit
        return None

    def _grow(self, n: int) -> None:
        old, seen = self._intensity, len(self._measured)
        assert old is not None
        self._intensity = _stack((n, *old.shape[1:]), old.dtype)
        self._intensity[:seen] = old[:seen]
        self._measured = np.concatenate([self._measured, np.zeros(n - seen, bool)])
        self._monitor, self._transmission, self._counts = (
            np.concatenate([values, np.full(n - seen, np.nan)])
            for values in (self._monitor, self._transmission, self._counts)
        )
        for name, known in self._positions.items():
            self._positions[name] = np.concatenate([known, np.full(n - seen, np.nan)])


def _detector(header: ScanHeader, beamline: Beamline) -> tuple[Detector, NDArray[np.bool_], Corrections]:
    """The configured detector with what the scan itself knows better, seen through the ROI."""
    detector, mask = beamline.detector(header.detector.name)
    corrections = beamline.corrections(header.detector.name)
    known = header.detector
    detector = replace(
        detector,
        distance_m=known.distance_m or detector.distance_m,
        beam_center_px=known.beam_center_px or detector.beam_center_px,
        pixel_size_m=known.pixel_size_m or detector.pixel_size_m,
    )
    if header.roi_px is None:
        return detector, mask, corrections
    row0, row1, column0, column1 = header.roi_px
    shape = row1 - row0, column1 - column0
    seen = corrections.cropped(row0, column0, shape)
    return detector.cropped(row0, column0, shape), mask[row0:row1, column0:column1], seen


def _stack(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    size = int(np.prod(shape)) * dtype.itemsize
    if size <= IN_MEMORY_BYTES:
        return np.zeros(shape, dtype)
    return np.memmap(tempfile.TemporaryFile(prefix="braggline-"), dtype, "w+", shape=shape)


def _completed(values: FloatArray) -> FloatArray:
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 2:
        return np.full(len(values), values[known[0]] if len(known) else np.nan)
    slope, offset = np.polyfit(known, values[known], 1)
    line = slope * np.arange(len(values)) + offset
    return np.where(np.isfinite(values), values, line)
