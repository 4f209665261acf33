"""The exact q of a pixel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from braggline_models.geometry.rotation import rotation, rotation_product
from braggline_models.scan import Detector, Diffractometer

HC_eV_m = 1.239841984e-6  # h c (CODATA 2018)


def wavenumber_per_m(energy_eV: float) -> float:
    """k = 2 pi E / (h c)."""
    return 2.0 * np.pi * energy_eV / HC_eV_m


def q_of(
    diffractometer: Diffractometer,
    detector: Detector,
    angles_deg: Mapping[str, ArrayLike],
    row: ArrayLike,
    column: ArrayLike,
    energy_eV: ArrayLike,
) -> NDArray[np.float64]:
    """q = R_sample^T k (u - x), u the direction from the sample to the pixel, x along the beam.

    `row`, `column` may be fractional; they, the angles and the energy may have any shapes that broadcast to a common
    one (...). The result is (..., 3), 1/m, in the sample frame: x along the beam, y outboard, z up when all sample
    circles stand at 0.
    Source: the convention of xrayutilities (Kriegner et al., J. Appl. Cryst. 46, 1162 (2013)).
    """
    direction = pixel_direction(diffractometer, detector, row, column)
    outgoing = np.einsum("...ij,...j->...i", rotation_product(diffractometer.detector_circles, angles_deg), direction)
    k = 2.0 * np.pi * np.asarray(energy_eV, np.float64) / HC_eV_m
    q_lab = k[..., None] * (outgoing - np.array([1.0, 0.0, 0.0]))
    return np.asarray(np.einsum("...ji,...j->...i", rotation_product(diffractometer.sample_circles, angles_deg), q_lab))


def pixel_direction(
    diffractometer: Diffractometer, detector: Detector, row: ArrayLike, column: ArrayLike
) -> NDArray[np.float64]:
    """r / |r|, r = D x + R_x(rotation) R_tilt v: unit vectors (..., 3) to pixels, with all detector circles at 0."""
    rows, columns = np.broadcast_arrays(np.asarray(row, np.float64), np.asarray(column, np.float64))
    down = (rows - detector.beam_center_px[0]) * detector.pixel_size_m[0]
    across = (columns - detector.beam_center_px[1]) * detector.pixel_size_m[1]
    in_plane = down[..., None] * np.array(diffractometer.row_direction) + across[..., None] * np.array(
        diffractometer.column_direction
    )
    position = in_plane @ pose(diffractometer, detector).T + np.array([detector.distance_m, 0.0, 0.0])
    return np.asarray(position / np.linalg.norm(position, axis=-1, keepdims=True))


def pose(diffractometer: Diffractometer, detector: Detector) -> NDArray[np.float64]:
    """R_x(rotation) R_a(-tilt), a = cos(azimuth) column - sin(azimuth) row: (3, 3), the tilt first.

    Source: as xrayutilities, for rows and columns of either handedness.
    """
    azimuth = np.deg2rad(detector.tilt_azimuth_deg)
    column, row = np.array(diffractometer.column_direction), np.array(diffractometer.row_direction)
    x, y, z = (float(c) for c in np.cos(azimuth) * column - np.sin(azimuth) * row)
    return np.asarray(rotation((1.0, 0.0, 0.0), detector.rotation_deg) @ rotation((x, y, z), -detector.tilt_deg))
