"""The positions of a curve, checked once the curve is whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from braggline_models.errors import BadInput
from braggline_models.scan import RockingCurve

MOST_UNEVEN = 0.25  # of the mean step; the geometry is linear in the frame index


def checked_angles(curve: RockingCurve) -> RockingCurve:
    """`curve`, flagged where its steps are uneven, and where it is an energy scan, whose positions are in eV.

    BadInput where a position is NaN or neither a sample circle nor the energy moves.
    """
    for circle in curve.diffractometer.circle_names:
        values = np.asarray(curve.angles_deg[circle])
        if not np.isfinite(values).all():
            frame = int(np.argmin(np.isfinite(values)))
            raise BadInput(f"{curve.name}: '{circle}' is not a number at frame {frame}; mend the positions in the file")
    steps = np.diff(curve.scanned_positions)
    flags = ["an energy scan: its positions are in eV"] if curve.energies_eV is not None else []
    mean = float(np.mean(steps))
    if mean == 0 or np.abs(steps - mean).max() > MOST_UNEVEN * abs(mean):
        unit = curve.scanned_unit
        flags.append(f"uneven steps of '{curve.scanned_circle}': {steps.min():.5g} to {steps.max():.5g} {unit}")
    return replace(curve, flags=(*curve.flags, *flags)) if flags else curve
