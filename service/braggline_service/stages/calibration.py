"""A detector's pose from scans of its arm through the direct beam, with all that a person should know of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from braggline_models.errors import BadInput
from braggline_models.geometry.calibrate import Calibration, GOOD_px, fit_detector, parameters_of
from braggline_models.geometry.direct_beam import Spots, direct_beam_spots
from braggline_models.scan import Detector
from braggline_service.sources.arm_scan import ArmScan

HELD = {
    "distance_m": ("distance", "distance_m"),
    "beam_center_row_px": ("beam center's row", "beam_center_px"),
    "beam_center_column_px": ("beam center's column", "beam_center_px"),
    "rotation_deg": ("rotation about the beam", "rotation_deg"),
    "tilt_about_columns_deg": ("tilt about the column direction", "tilt_deg"),
    "tilt_about_rows_deg": ("tilt about the row direction", "tilt_deg"),
}


def calibrated(scans: Sequence[ArmScan]) -> dict[str, Any]:
    """The fit over all frames of `scans`, of one detector, as `braggline calibrate --json` prints it.

    Keys: beamline, detector, frames_total, frames_used, rms_px, the keys of the detector's configuration, `deviation`
    of each number, `held` (what the scans do not determine, and at which value), `before`, flags, yaml. BadInput as
    `fit_detector` says.
    """
    spots = [direct_beam_spots(scan.intensity, scan.mask, scan.measured) for scan in scans]
    return _told(scans, spots, _fitted(scans, spots))


def _whole(scan: ArmScan) -> Detector:
    """The detector with its beam center counted from its own corner, whatever window the scan saw."""
    return scan.detector.cropped(-scan.start_px[0], -scan.start_px[1], scan.detector.shape_px)


def _fitted(scans: Sequence[ArmScan], spots: Sequence[Spots]) -> Calibration:
    if len({scan.detector.name for scan in scans}) > 1:
        raise BadInput(f"the entries are of several detectors: {', '.join(scan.detector.name for scan in scans)}")
    found = [one.found for one in spots]
    pairs = list(zip(scans, spots, found, strict=True))
    angles = {
        circle: np.concatenate([scan.angles_deg[circle][keep] for scan, _, keep in pairs])
        for circle in scans[0].angles_deg
    }
    row = np.concatenate([spot.row_px[keep] + scan.start_px[0] for scan, spot, keep in pairs])
    column = np.concatenate([spot.column_px[keep] + scan.start_px[1] for scan, spot, keep in pairs])
    try:
        return fit_detector(scans[0].diffractometer, _whole(scans[0]), angles, row, column)
    except BadInput as error:
        lost = "; ".join(_left_out(spots))
        raise BadInput(f"{', '.join(s.name for s in scans)}: {error}{f' ({lost})' if lost else ''}") from error


def _told(scans: Sequence[ArmScan], spots: Sequence[Spots], fit: Calibration) -> dict[str, Any]:
    detector, before = fit.detector, _whole(scans[0])
    return {
        "beamline": scans[0].beamline,
        "detector": detector.name,
        "frames_total": sum(len(one.lost) for one in spots),
        "frames_used": int(fit.used.sum()),
        "rms_px": fit.rms_px,
        **_pose(detector),
        "deviation": dict(fit.deviation),
        "held": {name: parameters_of(before)[name] for name in fit.held},
        "before": _pose(before),
        "flags": _flags(scans, spots, fit),
        "yaml": _yaml(detector, fit.rms_px),
    }


def _flags(scans: Sequence[ArmScan], spots: Sequence[Spots], fit: Calibration) -> list[str]:
    flags = [*(flag for scan in scans for flag in scan.flags), *_left_out(spots)]
    if outliers := int((~fit.used).sum()):
        flags.append(f"{outliers} frame(s) left out: their spot lies far from the fit")
    for name in fit.held:
        what, key = HELD[name]
        held = parameters_of(_whole(scans[0]))[name]
        flags.append(
            f"the {what} is not determined by this scan: held at {held:g}, by {key} as configured, "
            "which the errors of the other numbers take for right"
        )
    if fit.rms_px > GOOD_px:
        flags.append(
            f"the fit leaves {fit.rms_px:.1f} px: is it the direct beam, and do row_direction, column_direction and "
            "the detector circles of the beamline's file turn as they should?"
        )
    if abs(fit.detector.rotation_deg - scans[0].detector.rotation_deg) > 45.0:
        flags.append("rows and columns are turned by a quarter: mend row_direction and column_direction first")
    tilt = fit.detector.tilt_deg
    if not {"tilt_about_columns_deg", "tilt_about_rows_deg"} & set(fit.held) and tilt < 2 * fit.deviation["tilt_deg"]:
        flags.append("the tilt is no larger than its uncertainty: 0 describes the detector as well")
    return list(dict.fromkeys(flags))


def _left_out(spots: Sequence[Spots]) -> list[str]:
    reasons = [why for one in spots for why in one.lost if why]
    total = sum(len(one.lost) for one in spots)
    return [f"{reasons.count(why)} of {total} frames left out: {why}" for why in dict.fromkeys(reasons)]


def _pose(detector: Detector) -> dict[str, Any]:
    keys = ("distance_m", "beam_center_px", "tilt_deg", "tilt_azimuth_deg", "rotation_deg")
    return {key: getattr(detector, key) for key in keys}


def _yaml(detector: Detector, rms_px: float) -> str:
    row, column = detector.beam_center_px
    return (
        f"# fitted to the direct beam, residual {rms_px:.2f} px rms; "
        "distance and beam center of a scan's own file stand above these\n"
        f"detectors:\n  {detector.name}:\n    distance_m: {detector.distance_m:.6f}\n"
        f"    beam_center_px: [{row:.3f}, {column:.3f}]\n    tilt_deg: {detector.tilt_deg:.4f}\n"
        f"    tilt_azimuth_deg: {detector.tilt_azimuth_deg:.2f}\n    rotation_deg: {detector.rotation_deg:.4f}\n"
    )
