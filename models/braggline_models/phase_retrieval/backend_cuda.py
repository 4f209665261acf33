"""The engine on an NVIDIA GPU: CuPy's arrays and cuFFT plans, numba-cuda's kernels. Unverified on a real GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cupy
import cupyx.scipy.fft
import cupyx.scipy.ndimage
from numba import cuda as numba_cuda

from braggline_models.phase_retrieval import kernels_cuda
from braggline_models.phase_retrieval.backend import Backend
from braggline_models.phase_retrieval.support_cpu import TRUNCATE


def missing() -> str:
    """Why no GPU can be used; empty where one can."""
    try:
        if cupy.cuda.runtime.getDeviceCount() < 1:
            return "no GPU is visible; check nvidia-smi and CUDA_VISIBLE_DEVICES"
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return f"CUDA does not answer ({error}); check the driver with nvidia-smi"
    return "" if numba_cuda.is_available() else "numba-cuda finds no GPU; check that numba-cuda is installed"


def cuda() -> Backend:
    """The backend of the first visible GPU."""
    return Backend(
        name="cuda",
        xp=cupy,
        kernels=kernels_cuda,
        planned=_CufftPlan,
        gaussian=_gaussian,
        profiles=_profiles,
        largest_component=_largest_component,
        dilated=cupyx.scipy.ndimage.binary_dilation,
        to_host=cupy.asnumpy,
    )


class _CufftPlan:
    """fft.Transform by cuFFT, planned once, in place."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.array: Any = cupy.zeros(tuple(shape), cupy.complex64)
        self._plan = cupyx.scipy.fft.get_fft_plan(self.array)

    def forward(self) -> None:
        self._keep(cupyx.scipy.fft.fftn(self.array, overwrite_x=True, plan=self._plan))

    def backward(self) -> None:
        self._keep(cupyx.scipy.fft.ifftn(self.array, norm="forward", overwrite_x=True, plan=self._plan))

    def _keep(self, result: Any) -> None:
        if result.data.ptr != self.array.data.ptr:
            self.array[...] = result


def _gaussian(values: Any, sigma_px: float) -> Any:
    return cupyx.scipy.ndimage.gaussian_filter(values, sigma_px, mode="nearest", truncate=TRUNCATE)


def _profiles(support: Any) -> tuple[Any, ...]:
    axes = range(support.ndim)
    return tuple(cupy.asnumpy(support.sum(axis=tuple(k for k in axes if k != axis))) for axis in axes)


def _largest_component(support: Any) -> Any:
    labels, n = cupyx.scipy.ndimage.label(support)
    if n < 2:
        return support
    sizes = cupy.bincount(labels.ravel())
    sizes[0] = 0
    return labels == sizes.argmax()
