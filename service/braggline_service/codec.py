"""Pixels as bytes: bitshuffle and LZ4, the pair that HDF5 filters and DECTRIS detectors use too.

The bytes are those of bitshuffle's own block format with a fixed block, so that they can be checked before they are
handed to a decoder written in C. (dectris-compression, the other library, decodes only.)
"""

from __future__ import annotations

from typing import Literal

import bitshuffle
import numpy as np
from numpy.typing import NDArray

CODEC: Literal["bitshuffle-lz4"] = "bitshuffle-lz4"
BLOCK_BYTES = 8192
KINDS = "buif"  # whole numbers and floats; nothing that would hold a pointer


class CorruptFrame(ValueError):
    """The bytes are not the frame that their header announces; it counts as missing."""


def encode(image: NDArray[np.generic]) -> bytes:
    """The compressed bytes of a 2D array of a real dtype, little-endian, rows first."""
    if image.ndim != 2 or image.dtype.kind not in KINDS:
        raise TypeError(f"a frame is 2D and real, this one is {image.shape} of {image.dtype}")
    native = np.ascontiguousarray(image, image.dtype.newbyteorder("<"))
    return bitshuffle.compress_lz4(native, _block(native.dtype)).tobytes()


def wire_dtype(image: NDArray[np.generic]) -> str:
    """The dtype that `decode` needs, as text."""
    return image.dtype.newbyteorder("<").str


def decode(data: bytes, shape: tuple[int, int], dtype: str) -> NDArray[np.generic]:
    """The array (rows, columns) that `encode` was given. CorruptFrame where the bytes do not hold it."""
    kind = np.dtype(dtype)
    if kind.kind not in KINDS or min(shape) < 1:
        raise CorruptFrame(f"a header announces {shape} of {dtype}, which is no frame")
    if not _blocks_fit(data, shape[0] * shape[1], kind):
        raise CorruptFrame(f"{len(data)} bytes do not hold a frame {shape} of {dtype}")
    try:
        return bitshuffle.decompress_lz4(np.frombuffer(data, np.uint8), shape, kind, _block(kind))
    except (ValueError, RuntimeError) as error:
        raise CorruptFrame(f"{len(data)} bytes do not decode to {shape} of {dtype}: {error}") from error


def _block(dtype: np.dtype[np.generic]) -> int:
    return BLOCK_BYTES // dtype.itemsize


def _blocks_fit(data: bytes, n_pixels: int, dtype: np.dtype[np.generic]) -> bool:
    """Walk the block lengths (big-endian, four bytes each); what does not fill eight pixels follows as it is."""
    position = 0
    for _ in range(-(-(n_pixels - n_pixels % 8) // _block(dtype))):
        position += 4 + int.from_bytes(data[position : position + 4], "big")
        if position > len(data):
            return False
    return position + n_pixels % 8 * dtype.itemsize == len(data)
