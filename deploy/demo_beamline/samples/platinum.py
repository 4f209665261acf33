"""The platinum nanocrystal (111) that ID01 measured (CH4760, scan 11; CXIDB-182), as PyNX reconstructed it.

9 keV, detector at 0.50678 m, direct beam at [208, 154], Bragg peak at [214, 316] of the Maxipix; scattered by 35.3627
deg out of and 0.4864 deg in the plane. The arm's own angles follow from peak and direct beam. Neither the step of eta
nor the sign of the in-plane angle is in the file. 0.0102 deg is the step in bcdi's scripts for ID01 (0.2.3,
bcdi_simu_diffpattern_BCDI.py), and the crystal's own faces ask for it: laid on the low-index planes of a cubic lattice
with [111] along Q, its 18 faces are 2.1 deg off (rms, by area) at 0.0105 deg, 2.3 at 0.0100, and 7 to 10 at 0.009 and
below, at 0.0125 and above; with the other sign of the in-plane angle 3.9 at best. Reconstructed from the demo's frames
all 18 are {210}, within 5 deg: a tetrahexahedron. The voxel is 5.0 nm along the rocking axis, 3.02 and 3.24 nm along
rows and columns.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from demo_beamline.samples.crystal import CrystalSample
from demo_beamline.samples.detectors import MAXIPIX, DetectorModel
from demo_beamline.samples.fetch import platinum_file
from demo_beamline.samples.projection import Projection

VOLUME_SHAPE = (252, 420, 392)
STEP_DEG = 0.0102
COUNTS = 2.0e7
HOME = {
    "eta": 17.6814,
    "phi": 0.0,
    "nu": 0.7493,
    "delta": 35.4,
    "pix": 50.0,
    "piy": 50.0,
    "piz": 50.0,
    "mononrj": 9.0,
}
PEAK_OFFSET_M = (6 * 55e-6, 162 * 55e-6)  # of the Bragg peak from the direct beam, along rows and columns


def platinum(detector: DetectorModel, seed: int, folder: Path) -> CrystalSample:
    """The crystal before `detector`; its file is kept in `folder`."""
    with h5py.File(platinum_file(folder)) as file:
        object_ = np.asarray(file["entry_1/image_1/data"][0])
    return CrystalSample(
        "platinum",
        Projection(object_, window(detector, VOLUME_SHAPE)),
        HOME,
        detector,
        peak(detector),
        STEP_DEG,
        intervals=127,
        counts=COUNTS,
        seed=seed,
        energy_eV=1e3 * HOME["mononrj"],
    )


def window(detector: DetectorModel, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """The volume whose conjugate grid is the object's, in the pixels of `detector` (rounded: 0.2 % at most)."""
    scale = MAXIPIX.pixel_size_m / detector.pixel_size_m
    return shape[0], round(shape[1] * scale), round(shape[2] * scale)


def peak(detector: DetectorModel) -> tuple[float, float]:
    """Row and column of the Bragg peak with the arm at home."""
    row, column = (c + m / detector.pixel_size_m for c, m in zip(detector.beam_center_px, PEAK_OFFSET_M, strict=True))
    return row, column
