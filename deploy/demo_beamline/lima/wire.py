"""Lima's DATA_ARRAY, version 4: how readImage sends a frame. Layout: blissdata.lima.image_utils."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

MAGIC = struct.unpack(">I", b"DTAY")[0]
VERSION = 4
START = "<IHH"  # magic, version, size of this header
BODY = "<IIHHHHHHHHIIIIIIQQII"
DTYPES = ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8")
IMAGE_MODE = {np.dtype(name): mode for mode, name in enumerate(DTYPES)}


def data_array(frame: NDArray[np.generic], index: int) -> tuple[str, bytes]:
    """(encoding, bytes) of a frame (rows, columns): header with its index and strides, then the pixels."""
    rows, columns = frame.shape
    dimensions = (columns, rows, 0, 0, 0, 0)
    strides = (frame.itemsize, columns * frame.itemsize, 0, 0, 0, 0)
    body = struct.pack(BODY, 0, IMAGE_MODE[frame.dtype], 0, 2, *dimensions, *strides, index, 0, 0, 0)
    start = struct.pack(START, MAGIC, VERSION, struct.calcsize(START) + len(body))
    return "DATA_ARRAY", start + body + np.ascontiguousarray(frame).tobytes()
