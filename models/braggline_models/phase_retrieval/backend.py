"""Where the engine's arrays live: the CPU with numba and the fastest FFT, or a GPU with CuPy and numba-cuda.

Everything above this file is the same code for both. The GPU path is compared with the CPU's under numba's simulator
(NUMBA_ENABLE_CUDASIM=1); on a real GPU it is unverified.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import scipy.ndimage

from braggline_models.errors import BadInput
from braggline_models.phase_retrieval import fft, kernels_cpu, support_cpu


@dataclass(frozen=True)
class Backend:
    """xp: numpy or cupy; kernels: the passes of an iteration; gaussian, profiles, ...: as in support_cpu.py."""

    name: str
    xp: Any
    kernels: ModuleType
    planned: Callable[[Sequence[int]], fft.Transform]
    gaussian: Callable[[Any, float], Any]
    profiles: Callable[[Any], tuple[Any, ...]]
    largest_component: Callable[[Any], Any]
    dilated: Callable[..., Any]
    to_host: Callable[[Any], Any]

    def to_device(self, array: Any) -> Any:
        """The array where the engine computes; the same array on the CPU."""
        return self.xp.asarray(array)


CPU = Backend(
    name="cpu",
    xp=np,
    kernels=kernels_cpu,
    planned=fft.planned,
    gaussian=support_cpu.gaussian,
    profiles=support_cpu.profiles,
    largest_component=support_cpu.largest_component,
    dilated=scipy.ndimage.binary_dilation,
    to_host=np.asarray,
)


@cache
def backend(device: str = "auto") -> Backend:
    """'cpu', 'cuda', or 'auto': CUDA where CuPy and numba-cuda find a GPU. BadInput where 'cuda' is not to be had."""
    if device not in ("auto", "cpu", "cuda"):
        raise BadInput(f"unknown device '{device}'; give auto, cpu or cuda")
    if device == "cpu":
        return CPU
    if find_spec("cupy") is None:
        reason = "CuPy is not installed; install braggline[cuda]"
    else:
        from braggline_models.phase_retrieval import backend_cuda

        reason = backend_cuda.missing()
        if not reason:
            return backend_cuda.cuda()
    if device == "cuda":
        raise BadInput(f"device 'cuda': {reason}")
    return CPU
