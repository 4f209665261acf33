"""What Lima does to a raw frame: binning, flip, clockwise rotation, region of interest, in this order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TURNS = {"NONE": 0, "90": 1, "180": 2, "270": 3}


@dataclass(frozen=True)
class ImageGeometry:
    """binning and flip as (x, y); roi (x, y, width, height) of the image so changed, None: all of it."""

    raw_shape_px: tuple[int, int]
    binning: tuple[int, int] = (1, 1)
    flip: tuple[bool, bool] = (False, False)
    rotation: str = "NONE"
    roi: tuple[int, int, int, int] | None = None

    @property
    def full_shape_px(self) -> tuple[int, int]:
        """(rows, columns) without the region of interest."""
        rows, columns = self.raw_shape_px[0] // self.binning[1], self.raw_shape_px[1] // self.binning[0]
        return (columns, rows) if TURNS[self.rotation] % 2 else (rows, columns)

    @property
    def window(self) -> tuple[int, int, int, int]:
        """The region of interest, or the whole image as one."""
        rows, columns = self.full_shape_px
        return self.roi or (0, 0, columns, rows)

    @property
    def shape_px(self) -> tuple[int, int]:
        _, _, width, height = self.window
        return height, width

    def with_roi(self, values: Sequence[int]) -> ImageGeometry:
        """The same with a region of interest; a width or height of 0 means the whole image. ValueError if outside."""
        x, y, width, height = (int(v) for v in values)
        if not width or not height:
            return ImageGeometry(self.raw_shape_px, self.binning, self.flip, self.rotation)
        rows, columns = self.full_shape_px
        if x + width > columns or y + height > rows:
            raise ValueError(f"image_roi {x, y, width, height} reaches out of the image of {columns}x{rows}")
        return ImageGeometry(self.raw_shape_px, self.binning, self.flip, self.rotation, (x, y, width, height))

    def apply(self, raw: NDArray[np.uint32]) -> NDArray[np.uint32]:
        frame = raw
        bin_x, bin_y = self.binning
        if (bin_x, bin_y) != (1, 1):
            rows, columns = raw.shape[0] // bin_y, raw.shape[1] // bin_x
            blocks = raw[: rows * bin_y, : columns * bin_x].reshape(rows, bin_y, columns, bin_x)
            frame = blocks.sum((1, 3), dtype=np.uint32)
        frame = frame[:: -1 if self.flip[1] else 1, :: -1 if self.flip[0] else 1]
        frame = np.rot90(frame, -TURNS[self.rotation])
        x, y, width, height = self.window
        return np.ascontiguousarray(frame[y : y + height, x : x + width])
