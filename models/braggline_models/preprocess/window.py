"""How much of the detector and how many voxels phase retrieval needs."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

SIGNAL_COUNTS = 1.5  # mean of a 3 x 3 patch of the sum image above the background that still counts as signal
SMALLEST_PX = 32
AUTOCORRELATION_LEVEL = 0.02  # of its maximum: what lies above is taken to be within twice the crystal's size
MOST_OVERSAMPLING = 4.4  # halved by binning it stays above 2.2: Sano and Nyquist ask for 2


def fast_length(n: int, fits_px: int) -> int:
    """The smallest even length from n on that the FFT likes, or the largest such up to `fits_px`."""
    longer = [k for k in range(max(n, 2), fits_px + 1) if _is_fast(k)]
    return longer[0] if longer else next(k for k in range(fits_px, 1, -1) if _is_fast(k))


def _is_fast(n: int) -> bool:
    return n % 2 == 0 and scipy.fft.next_fast_len(n) == n


def signal_extent_px(image: NDArray[np.float32], center: tuple[float, float], largest_px: int) -> tuple[int, int]:
    """Height and width of the window, centred on the peak, that holds what stands out from the background.

    image (n_rows, n_cols) the sum over frames. Each side is even, fast for the FFT, SMALLEST_PX to largest_px.
    """
    smooth = uniform_filter(image, 3)
    level = float(np.median(smooth)) + SIGNAL_COUNTS
    above = smooth > level + 3.0 * np.sqrt(level)
    sides = []
    for axis in (0, 1):
        index = np.flatnonzero(above.any(axis=1 - axis))
        half = float(np.max(np.abs(index - center[axis]))) if index.size else 0.0
        side = min(max(int(2 * half) + 2, SMALLEST_PX), largest_px)
        sides.append(fast_length(side, largest_px))
    return sides[0], sides[1]


def oversampling(intensity: NDArray[np.float32]) -> tuple[float, float, float]:
    """N / size along each axis, from the extent of the autocorrelation, which is twice the crystal's size.

    intensity (n_f, n_r, n_c), unknown voxels 0. A window at least as large as the crystal's own field gives 2 or more.
    """
    spectrum = np.abs(scipy.fft.rfftn(intensity, workers=1))
    above = spectrum > AUTOCORRELATION_LEVEL * spectrum.flat[0]
    ratios = []
    for axis, n in enumerate(intensity.shape):
        index = np.flatnonzero(above.any(axis=tuple(k for k in range(3) if k != axis)))
        half = np.max(np.minimum(index, n - index)) if axis < 2 else np.max(index)
        ratios.append(n / max(float(half), 1.0))
    return ratios[0], ratios[1], ratios[2]
