"""A U-Net that works at half the resolution and answers at the full one."""

from __future__ import annotations

import torch
from torch import nn

from braggline_models.learned.networks import Conv3d, UNet

STEM = 32  # channels that 2 x 2 x 2 voxels become: nearly as many numbers as they hold


class HalvedUNet(nn.Module):
    """(n, inputs, ...) to (n, outputs, ...), sides multiples of 2^len(widths): an eighth of the cost of a full U-Net.

    What the context says (the U-Net) meets what the voxels themselves hold (the stem) in the last two layers, so that
    a single hot voxel is still told from its neighbor.
    """

    def __init__(self, inputs: int, outputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = Conv3d(inputs, STEM, 2, stride=2)
        self.context = UNet(3, STEM, STEM, widths)
        self.mix = Conv3d(2 * STEM, STEM, 1)
        self.leave = Conv3d(STEM, 8 * outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        both = torch.cat([x, self.context(x)], dim=1)
        return unfolded(self.leave(nn.functional.silu(self.mix(both))))


def unfolded(x: torch.Tensor) -> torch.Tensor:
    """(n, 8 c, a, b, d) to (n, c, 2 a, 2 b, 2 d): eight channels are the corners of a cell."""
    n, c, *sides = x.shape
    x = x.reshape(n, c // 8, 2, 2, 2, *sides).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return x.reshape(n, c // 8, *(2 * side for side in sides))
