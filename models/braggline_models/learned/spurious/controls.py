"""What the model must beat: the program's own cleaning steps, a median filter, gaps filled without learning."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from skimage.restoration import inpaint_biharmonic

from braggline_models.learned.spurious.inputs import mirrored
from braggline_models.preprocess.scene import Scene
from braggline_models.scan import BoolArray, Circle, Detector, Diffractometer, RockingCurve

MAD_SIGMAS = 8.0  # not tuned
SIGMA_OF_MAD = 1.4826
ROUND = Diffractometer(
    "drawn", (Circle("eta", (0.0, -1.0, 0.0)),), (Circle("delta", (0.0, -1.0, 0.0)),), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)
)


def curve_of(counts: NDArray[np.float32], known: BoolArray, name: str) -> RockingCurve:
    """Counts (n_f, n_r, n_c) as a scan brings them; pixels that no frame knows are masked."""
    n, *size = counts.shape
    detector = Detector("drawn", (size[0], size[1]), (55e-6, 55e-6), 1.0, (size[0] / 2, size[1] / 2))
    angles = {"eta": 17.7 + 0.01 * np.arange(n), "delta": np.full(n, 35.4)}
    mask = np.asarray(~known.any(axis=0))
    return RockingCurve(name, counts, mask, np.ones(n, bool), angles, 9000.0, detector, ROUND)


def lost(scene: Scene) -> BoolArray:
    """(n_frames, n_rows, n_cols) True where cleaning left no data, beside what the scan's own mask hides."""
    found = np.zeros(scene.curve.intensity.shape, bool)
    found.flat[scene.lost] = True
    return np.asarray((found | scene.bad) & ~scene.curve.mask)


def mad_outliers(counts: NDArray[np.float32], known: BoolArray) -> BoolArray:
    """I > m + MAD_SIGMAS (1.4826 MAD + sqrt(m + 1)), m and MAD medians over 5 x 5 pixels: Hampel's filter."""
    around = (1, 5, 5)
    middle = median_filter(counts, around)
    mad = median_filter(np.abs(counts - middle), around)
    return np.asarray((counts > middle + MAD_SIGMAS * (SIGMA_OF_MAD * mad + np.sqrt(middle + 1.0))) & known)


def biharmonic(counts: NDArray[np.float32], hidden: BoolArray) -> NDArray[np.float32]:
    """log(1 + I) with `hidden` filled frame by frame: Damelin and Hoang, arXiv 1505.05024, by scikit-image."""
    result = np.log1p(np.where(hidden, 0.0, counts)).astype(np.float32)
    for frame, gone in zip(result, hidden, strict=True):
        if gone.any() and not gone.all():
            frame[:] = np.maximum(inpaint_biharmonic(frame, gone), 0.0)
    return result


def from_mirror(counts: NDArray[np.float32], known: BoolArray, center: tuple[int, int, int]) -> NDArray[np.float32]:
    """log(1 + I(-q)) where that is known, 0 elsewhere: what the other side of the Bragg peak says of a gap."""
    return mirrored(np.log1p(np.where(known, counts, 0.0)).astype(np.float32), center)
