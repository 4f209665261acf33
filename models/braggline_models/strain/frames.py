"""The named frames that maps are made in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from braggline_models.scan import PreparedVolume


@dataclass(frozen=True, eq=False)
class Frame:
    """`rotation` (3, 3) turns vectors (x, y, z) of the sample frame into this one."""

    name: str
    rotation: NDArray[np.float64]


SAMPLE = Frame("sample", np.eye(3))


def lab_frame(volume: PreparedVolume) -> Frame:
    """The laboratory at the angles of the Bragg peak: x along the beam, y outboard, z up."""
    return Frame("lab", volume.sample_to_lab)


def crystal_frame(axes: NDArray[np.float64]) -> Frame:
    """x, y, z along [100], [010], [001]; `axes` (3, 3) has these as columns, in the sample frame."""
    return Frame("crystal", axes.T)
