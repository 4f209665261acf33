"""Pixels as bytes: bitshuffle and LZ4, as in HDF5 and as DECTRIS streams them."""

from __future__ import annotations

import bitshuffle
import numpy as np
from numpy.typing import NDArray

CODEC = "bitshuffle-lz4"


class CorruptFrame(ValueError):
    """The bytes are not the frame that their header announces; ask for it again or count it as missing."""


def encode(image: NDArray[np.generic]) -> bytes:
    """The compressed bytes of a 2D array of any fixed-size dtype, C order."""
    return bitshuffle.compress_lz4(np.ascontiguousarray(image)).tobytes()  # type: ignore[no-any-return]


def decode(data: bytes, shape: tuple[int, int], dtype: str) -> NDArray[np.generic]:
    """The array that `encode` was given. CorruptFrame where the bytes do not hold it."""
    try:
        packed = np.frombuffer(data, np.uint8)
        return bitshuffle.decompress_lz4(packed, shape, np.dtype(dtype))  # type: ignore[no-any-return]
    except Exception as error:
        raise CorruptFrame(f"{len(data)} bytes do not decode to {shape} of {dtype}: {error}") from error
