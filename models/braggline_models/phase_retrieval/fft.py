"""Planned Fourier transforms in place, by the fastest library at hand: MKL, FFTW, else scipy's pocketfft.

MKL comes with the torch or the mkl wheel; FFTW with pyfftw, which is GPL and only used where the user installs it.
One thread each: the runs of an ensemble go side by side. The same library and machine give the same bits.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from braggline_models.errors import BadInput

Complex = NDArray[np.complex64]
ALIGNMENT = 64  # bytes, one cache line


class Transform(Protocol):
    """`array` (complex64) goes to its FFT and back, in place; both directions unnormalised: back(forth) = N array."""

    array: Any

    def forward(self) -> None: ...
    def backward(self) -> None: ...


def planned(shape: Sequence[int], library: str | None = None) -> Transform:
    """A transform of `shape` with an array of its own, zeros; `library` one of libraries(), else the fastest."""
    name = library or libraries()[0]
    if name not in _PLANNERS:
        raise BadInput(f"unknown FFT library '{name}'; known are {', '.join(_PLANNERS)}")
    return _PLANNERS[name](_aligned(tuple(shape)))


def fftn(array: NDArray[Any]) -> Complex:
    """F array, complex64, by the fastest library; where no plan is kept."""
    transform = planned(array.shape)
    transform.array[...] = array
    transform.forward()
    result: Complex = transform.array
    return result


def ifftn(array: NDArray[Any]) -> Complex:
    """F^-1 array, complex64, normalised."""
    transform = planned(array.shape)
    transform.array[...] = array
    transform.backward()
    transform.array *= np.float32(1.0 / transform.array.size)
    result: Complex = transform.array
    return result


@cache
def libraries() -> tuple[str, ...]:
    """What is at hand, fastest first as measured by `braggline bench engine`."""
    found = {"mkl": _mkl() is not None, "fftw": find_spec("pyfftw") is not None, "scipy": True}
    return tuple(name for name, here in found.items() if here)


def _aligned(shape: tuple[int, ...]) -> Complex:
    n_bytes = 8 * math.prod(shape)
    raw = np.empty(n_bytes + ALIGNMENT, np.uint8)  # unlike zeros(), on huge pages where the system has them
    raw[...] = 0
    begin = -raw.ctypes.data % ALIGNMENT
    return raw[begin : begin + n_bytes].view(np.complex64).reshape(shape)


class _Scipy:
    def __init__(self, array: Complex) -> None:
        self.array = array

    def forward(self) -> None:
        self._keep(scipy.fft.fftn(self.array, overwrite_x=True, workers=1))

    def backward(self) -> None:
        self._keep(scipy.fft.ifftn(self.array, norm="forward", overwrite_x=True, workers=1))

    def _keep(self, result: Complex) -> None:
        if result.ctypes.data != self.array.ctypes.data:
            self.array[...] = result


class _Fftw:
    def __init__(self, array: Complex) -> None:
        import pyfftw

        self.array = array
        axes = tuple(range(array.ndim))
        self._plans = [
            pyfftw.FFTW(array, array, axes, direction, ("FFTW_MEASURE",), threads=1)
            for direction in ("FFTW_FORWARD", "FFTW_BACKWARD")
        ]
        array[...] = 0  # planning writes

    def forward(self) -> None:
        self._plans[0].execute()

    def backward(self) -> None:
        self._plans[1].execute()


class _Mkl:
    """DFTI of oneMKL through its C interface: https://www.intel.com/content/www/us/en/docs/onemkl/"""

    SINGLE, COMPLEX, THREAD_LIMIT = 35, 32, 27

    def __init__(self, array: Complex) -> None:
        self.array = array
        library = _mkl()
        assert library is not None
        self._library = library
        self._address = ctypes.c_void_p(array.ctypes.data)
        self._handle = ctypes.c_void_p()
        lengths = (ctypes.c_long * array.ndim)(*array.shape)
        self._must(
            library.DftiCreateDescriptor_s_md(
                ctypes.byref(self._handle), ctypes.c_int(self.COMPLEX), ctypes.c_long(array.ndim), lengths
            )
        )
        self._must(library.DftiSetValue(self._handle, ctypes.c_int(self.THREAD_LIMIT), ctypes.c_long(1)))
        self._must(library.DftiCommitDescriptor(self._handle))

    def forward(self) -> None:
        self._must(self._library.DftiComputeForward(self._handle, self._address))

    def backward(self) -> None:
        self._must(self._library.DftiComputeBackward(self._handle, self._address))

    def __del__(self) -> None:
        if self._handle:
            self._library.DftiFreeDescriptor(ctypes.byref(self._handle))

    @staticmethod
    def _must(status: int) -> None:
        if status:
            raise RuntimeError(f"MKL's FFT gave status {status}")


@cache
def _mkl() -> Any:
    """The library that holds DFTI: of the mkl wheel, or of torch; None where there is neither."""
    for path in _mkl_files():
        try:
            library = ctypes.CDLL(path)
            if all(hasattr(library, name) for name in ("DftiCreateDescriptor_s_md", "DftiComputeForward")):
                return library
        except OSError:
            continue
    return None


def _mkl_files() -> list[str]:
    """Candidates, the smallest to load first."""
    from importlib.metadata import PackageNotFoundError, files

    found = []
    for package, part in (("mkl", "libmkl_rt.so"), ("torch", "lib/libtorch_cpu.so")):
        try:
            found += [str(file.locate()) for file in files(package) or [] if part in str(file)]
        except PackageNotFoundError:
            continue
    return found


_PLANNERS: dict[str, Callable[[Complex], Transform]] = {"mkl": _Mkl, "fftw": _Fftw, "scipy": _Scipy}
