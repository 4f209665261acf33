"""A recorded curve through the live chain: the same frames, the same stream, as if they were measured now."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import numpy as np
from redis import Redis

from braggline_models.scan import RockingCurve
from braggline_service.beamlines import Beamline, EnergySource, load_beamline
from braggline_service.messages import DetectorInfo, ScanHeader
from braggline_service.settings import Settings
from braggline_service.streams import FrameWriter


def replay_curve(redis: Redis, settings: Settings, curve: RockingCurve, data_path: str = "") -> str:
    """Publish `curve` under a key of its own, which is returned; its frames are in Redis then."""
    header = header_of(curve, data_path=data_path)
    publish_curve(redis, settings, curve, header)
    return header.key


def header_of(curve: RockingCurve, key: str = "", data_path: str = "") -> ScanHeader:
    """The header under which `curve` is played back; key '': a new one, so that every replay is a scan of its own.

    A curve that is smaller than its detector counts as a window from the detector's corner, with the beam center
    counted from there, as the curve itself has it.
    """
    moving, resting = _positions(curve)
    configured, _ = load_beamline(curve.diffractometer.name).detector(curve.detector.name)
    n_rows, n_columns = curve.detector.shape_px
    whole = configured.shape_px == curve.detector.shape_px
    return ScanHeader(
        key=key or f"replay-{curve.name}-{time.time_ns():x}",
        name=curve.name,
        title=f"replay of {curve.name}",
        beamline=curve.diffractometer.name,
        detector=DetectorInfo(
            name=curve.detector.name,
            shape_px=configured.shape_px,
            pixel_size_m=curve.detector.pixel_size_m,
            distance_m=curve.detector.distance_m,
            beam_center_px=curve.detector.beam_center_px,
        ),
        roi_px=None if whole else (0, n_rows, 0, n_columns),
        n_frames=len(curve.measured),
        scanned=next(iter(moving), ""),
        positions=resting,
        energy_eV=curve.energy_eV,
        exposure_s=curve.exposure_s,
        data_path=data_path,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def publish_curve(redis: Redis, settings: Settings, curve: RockingCurve, header: ScanHeader) -> None:
    """Every measured frame of `curve` into the stream of `header`; StreamUnavailable if Redis stays away."""
    writer = FrameWriter(redis, header, settings.redis)
    writer.open()
    moving, _ = _positions(curve)
    for index in np.flatnonzero(curve.measured).tolist():
        positions = {motor: float(values[index]) for motor, values in moving.items()}
        beam = (None if values is None else float(values[index]) for values in (curve.monitor, curve.transmission))
        writer.publish(index, curve.intensity[index], positions, *beam)
    writer.close("complete", int(np.count_nonzero(curve.measured)))


def _positions(curve: RockingCurve) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """By name of the motor: the axes that move, that of the largest span first, and those that stand still."""
    line = load_beamline(curve.diffractometer.name)
    motors = line.motors
    spans = {circle: float(np.ptp(curve.angles_deg[circle])) for circle in motors}
    order = sorted(spans, key=lambda circle: -spans[circle])
    moving = {motors[c]: np.asarray(curve.angles_deg[c], float) for c in order if spans[c] > 0}
    if curve.energies_eV is not None and (source := _energy_motor(line)):
        scanned = np.asarray(curve.energies_eV, float) / source.eV_per_unit
        moving = {source.path.removeprefix("positioners/"): scanned} | moving
    return moving, {motors[c]: float(curve.angles_deg[c][0]) for c in order if spans[c] == 0}


def _energy_motor(line: Beamline) -> EnergySource | None:
    return next((source for source in line.energy if source.path.startswith("positioners/")), None)
