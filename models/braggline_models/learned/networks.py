"""Small networks that run on one core."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn


class Conv3d(nn.Conv3d):
    """torch's, always by oneDNN on a CPU: for a batch of one torch takes a plain loop that is 7 times as slow."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.device.type != "cpu" or not torch.backends.mkldnn.is_available():
            return super().forward(x)
        answer: torch.Tensor = torch.mkldnn_convolution(
            x, self.weight, self.bias, self.padding, self.stride, self.dilation, self.groups
        )
        return answer


class UNet(nn.Module):
    """A U-Net (Ronneberger et al., arXiv 1505.04597) in 2 or 3 dimensions, residual at each level, SiLU throughout.

    Takes (n, inputs, ...) with sides that are multiples of 2^(len(widths) - 1) and gives (n, outputs, ...).
    """

    def __init__(self, dimensions: int, inputs: int, outputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        conv = Conv3d if dimensions == 3 else nn.Conv2d
        up = nn.ConvTranspose3d if dimensions == 3 else nn.ConvTranspose2d
        self.enter = conv(inputs, widths[0], 3, padding=1)
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(conv(a, b, 2, stride=2) for a, b in pairs)
        self.up = nn.ModuleList(up(b, a, 2, stride=2) for a, b in pairs)
        self.encode = nn.ModuleList(Block(dimensions, width) for width in widths)
        self.decode = nn.ModuleList(Block(dimensions, a) for a, _ in pairs)
        self.leave = conv(widths[0], outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, skipped = self.enter(x), []
        for level, encode in enumerate(self.encode):
            x = encode(x)
            if level < len(self.down):
                skipped.append(x)
                x = self.down[level](x)
        for up, decode, skip in zip(reversed(self.up), reversed(self.decode), reversed(skipped), strict=True):
            x = decode(up(x) + skip)
        answer: torch.Tensor = self.leave(x)
        return answer


class Block(nn.Module):
    """x + conv(silu(norm(conv(silu(norm(x)))))), group norm: no statistics of a batch."""

    def __init__(self, dimensions: int, width: int) -> None:
        super().__init__()
        conv = Conv3d if dimensions == 3 else nn.Conv2d
        groups = max(1, width // 8)
        self.body = nn.Sequential(
            nn.GroupNorm(groups, width), nn.SiLU(), conv(width, width, 3, padding=1),
            nn.GroupNorm(groups, width), nn.SiLU(), conv(width, width, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = x + self.body(x)
        return answer


class Encoder(nn.Module):
    """Blocks that halve the sides, mean and maximum over what is left, then `outputs` numbers: (n, outputs)."""

    def __init__(self, dimensions: int, inputs: int, outputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        conv = Conv3d if dimensions == 3 else nn.Conv2d
        layers: list[nn.Module] = [conv(inputs, widths[0], 3, padding=1)]
        for a, b in pairwise(widths):
            layers += [Block(dimensions, a), conv(a, b, 2, stride=2)]
        self.body = nn.Sequential(*layers, Block(dimensions, widths[-1]))
        self.leave = nn.Sequential(nn.Linear(2 * widths[-1], 64), nn.SiLU(), nn.Linear(64, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.body(x).flatten(2)
        answer: torch.Tensor = self.leave(torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1))
        return answer
