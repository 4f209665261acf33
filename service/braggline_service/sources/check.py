"""Whether what a file holds can be phased."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from braggline_models.errors import BadInput
from braggline_models.scan import RockingCurve

FEWEST_FRAMES = 5
MOST_BAD_SHARE = 0.01


def checked(curve: RockingCurve) -> RockingCurve:
    """The curve with bad voxels masked and said so. BadInput where too few or too bad frames are left.

    NaN and negative counts in fewer than 1 % of the good pixels mask those pixels; more is another kind of file.
    """
    n = len(curve.intensity)
    if n < FEWEST_FRAMES:
        raise BadInput(f"{curve.name}: {n} frame(s); a rocking curve needs at least {FEWEST_FRAMES}")
    if not 1000.0 < curve.energy_eV < 200_000.0:
        raise BadInput(f"{curve.name}: energy {curve.energy_eV:g} eV is not an X-ray's; give --set energy_eV=EV")
    for name, angles in curve.angles_deg.items():
        if not np.isfinite(angles).all():
            raise BadInput(f"{curve.name}: positions of '{name}' hold NaN; give --set {name}=DEG or another scan")
    bad, flags = _bad_pixels(curve)
    largest = max(float(np.max(frame)) for frame in curve.intensity[curve.measured])
    if not largest > 0:
        raise BadInput(f"{curve.name}: every frame is empty; check shutter, attenuator and detector")
    if largest >= curve.detector.saturation_counts:
        flags.append(
            f"saturated: {largest:g} counts, {curve.detector.name} stops at {curve.detector.saturation_counts:g}"
        )
    if missing := int(np.count_nonzero(~curve.measured)):
        flags.append(f"{missing} of {n} frames are missing")
    intensity = curve.intensity
    if bad.any():
        intensity = np.where(bad, 0, intensity).astype(intensity.dtype)
    return replace(curve, intensity=intensity, mask=curve.mask | bad, flags=(*curve.flags, *flags))


def _bad_pixels(curve: RockingCurve) -> tuple[np.ndarray, list[str]]:
    dtype = curve.intensity.dtype
    bad = np.zeros(curve.mask.shape, bool)
    if dtype.kind == "u":
        return bad, []
    count = 0
    for frame in curve.intensity[curve.measured]:
        wrong = ~np.isfinite(frame) | (frame < 0)
        count += int(np.count_nonzero(wrong & ~curve.mask))
        bad |= wrong
    share = np.count_nonzero(bad & ~curve.mask) / bad.size
    if share > MOST_BAD_SHARE:
        raise BadInput(f"{curve.name}: {share:.0%} of the pixels hold NaN or negative counts; give the raw counts")
    return bad, [f"{count} NaN or negative counts: their pixels are masked"] if count else []
