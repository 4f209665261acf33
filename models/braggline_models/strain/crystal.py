"""Where the crystal ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, gaussian_filter1d, label
from skimage.filters import threshold_otsu

from braggline_models.errors import BadInput
from braggline_models.scan import BoolArray

HALF = 0.5  # a sharp surface seen with any blur lies where the amplitude is half of the bulk's
LEVELS = 200  # of the histogram
SMOOTH_LEVELS = 4.0


def bulk_amplitude(amplitude: NDArray[np.floating], name: str) -> float:
    """The amplitude that most voxels inside have: the mode of the histogram above Otsu's threshold.

    Raises BadInput where nothing stands out. Source of the threshold: Otsu, IEEE Trans. SMC 9, 62 (1979).
    """
    bright = amplitude[amplitude > 0.1 * amplitude.max()]
    if not bright.size or float(np.ptp(bright)) == 0.0:
        raise BadInput(f"{name}: the reconstruction is empty; nothing to map")
    inside = bright[bright > threshold_otsu(bright)]
    counts, edges = np.histogram(inside, LEVELS, (0.0, float(inside.max())))
    mode = int(np.argmax(gaussian_filter1d(counts.astype(float), SMOOTH_LEVELS)))
    return float(0.5 * (edges[mode] + edges[mode + 1]))


def crystal(amplitude: NDArray[np.floating], isosurface: float, name: str) -> BoolArray:
    """The largest connected piece where the amplitude, 1 in the bulk, is above `isosurface` (0: half).

    A dark spot that it encloses belongs to it. Raises BadInput where nothing is left.
    """
    level = isosurface or HALF
    pieces, count = label(amplitude > level)
    if count == 0:
        raise BadInput(f"{name}: no voxel is above the isosurface {level:g} of the bulk's amplitude; lower it")
    return np.asarray(binary_fill_holes(pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))))
