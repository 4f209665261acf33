"""An object carried over to a volume with another window or binning."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from braggline_models.phase_retrieval import fft
from braggline_models.phase_retrieval.align import agreement
from braggline_models.phase_retrieval.support import resized
from braggline_models.results import Reconstruction
from braggline_models.scan import BoolArray, PreparedVolume

T = TypeVar("T", bound=np.generic)
Carried = tuple[NDArray[np.complex64], BoolArray]


def carry_over(psi: NDArray[np.complex64], support: BoolArray, old: PreparedVolume, new: PreparedVolume) -> Carried:
    """The same crystal on the grid of `new`: |FFT(psi)|^2 lies where the pattern lies now.

    Another binning changes the field of view: the object is cropped or padded about its centre. Another window
    changes the voxel: the FFT is cropped or padded; a window that only moved multiplies psi by a phase ramp.
    """
    shape = tuple(
        max(2 * round(n * b_old / b_new / 2), 2) if b_old != b_new else n
        for n, b_old, b_new in zip(psi.shape, old.binning, new.binning, strict=True)
    )
    psi, support = _cropped(psi, shape), _cropped(support, shape)
    begins = [_first_index(axis, shape[axis], old, new) for axis in range(3)]
    if psi.shape == new.intensity.shape and not any(begins):
        return psi, support
    return _windowed(psi, begins, new.intensity.shape), resized(support, new.intensity.shape)


def foreseen(preview: Reconstruction, seen: PreparedVolume, final: Reconstruction, whole: PreparedVolume) -> float:
    """Complex correlation (0..1) of an early object with the final one, brought to the early one's grid and aligned.

    seen, whole: the volumes that the two were made from.
    """
    psi, _ = carry_over(np.conj(final.object_), final.support, whole, seen)
    return agreement(np.conj(preview.object_), psi)


def same_grid(old: PreparedVolume, new: PreparedVolume) -> bool:
    """True where only counts and mask differ."""
    return (old.intensity.shape, old.binning, old.crop_start_px) == (
        new.intensity.shape,
        new.binning,
        new.crop_start_px,
    )


def _first_index(axis: int, n: int, old: PreparedVolume, new: PreparedVolume) -> int:
    """Where voxel 0 of the old pattern lies in the new one, in new voxels."""
    return round((old.crop_start_px[axis] - new.crop_start_px[axis]) / new.binning[axis])


def _cropped(array: NDArray[T], shape: tuple[int, ...]) -> NDArray[T]:
    """The block of `shape` about shape // 2, zeros where the array has nothing."""
    if array.shape == shape:
        return array
    out = np.zeros(shape, array.dtype)
    source, target = [], []
    for n, m in zip(array.shape, shape, strict=True):
        begin = n // 2 - m // 2
        source.append(slice(max(begin, 0), min(begin + m, n)))
        target.append(slice(max(-begin, 0), max(-begin, 0) + min(begin + m, n) - max(begin, 0)))
    out[tuple(target)] = array[tuple(source)]
    return out


def _windowed(psi: NDArray[np.complex64], begins: list[int], shape: tuple[int, ...]) -> NDArray[np.complex64]:
    """The FFT of psi put into a window of `shape` with its voxel 0 at `begins`."""
    psi_q = np.fft.fftshift(fft.fftn(np.fft.ifftshift(psi)))
    out = np.zeros(shape, np.complex64)
    source, target = [], []
    for n, m, begin in zip(psi.shape, shape, begins, strict=True):
        first, last = max(begin, 0), max(min(begin + n, m), max(begin, 0))
        target.append(slice(first, last))
        source.append(slice(first - begin, last - begin))
    out[tuple(target)] = psi_q[tuple(source)]
    return np.fft.fftshift(fft.ifftn(np.fft.ifftshift(out)))
