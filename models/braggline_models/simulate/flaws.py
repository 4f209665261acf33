"""What is wrong with a scan, and ranges to draw it from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class DetectorFlaws:
    """What is wrong with a scan; by default nothing is, but the noise of counting.

    hot_pixels, dead_pixels   number;  hot_counts  of one in a frame, each its own, even in the logarithm
    zingers_per_frame  mean number;  zinger_counts  of one, even in the logarithm
    alien_strengths    brightest voxel of each over the crystal's peak, 1e-4 to 1
    background         counts in every voxel
    gap_rows, gap_columns   first of a gap and first after it: no pixels there, as everyone knows
    saturation         counts that a pixel cannot exceed
    flux_noise         rms of the beam's flux, that the monitor follows
    drift              of the crystal out of the beam over the scan, in the beam's sigma: the monitor does not see it
    jitter_steps       rms error of the rocking motor
    """

    hot_pixels: int = 0
    hot_counts: tuple[float, float] = (3.0, 3e4)
    dead_pixels: int = 0
    zingers_per_frame: float = 0.0
    zinger_counts: tuple[float, float] = (20.0, 3e4)
    alien_strengths: tuple[float, ...] = ()
    background: float = 0.0
    gap_rows: Spans = ()
    gap_columns: Spans = ()
    saturation: float = np.inf
    flux_noise: float = 0.0
    drift: float = 0.0
    jitter_steps: float = 0.0

    def __post_init__(self) -> None:
        for name in ("hot_pixels", "dead_pixels", "zingers_per_frame", "background", "flux_noise", "drift"):
            if not getattr(self, name) >= 0:
                raise BadInput(f"{name} is {getattr(self, name)}; it cannot be negative")
        if not self.saturation > 0 or not 0 <= self.jitter_steps < 1:
            raise BadInput(f"saturation {self.saturation:g}, jitter {self.jitter_steps:g}: above 0, and 0 to 1 step")
        if any(not 0 < strength <= 1 for strength in self.alien_strengths):
            raise BadInput(f"alien strengths {self.alien_strengths}: each is a share of the peak, 0 to 1")


@dataclass(frozen=True)
class FlawRange:
    """What flaws are drawn from: uniform pairs, spoilt or not by even odds each; strengths even in the logarithm."""

    hot_share: tuple[float, float] = (0.0, 2e-3)  # of the pixels
    dead_share: tuple[float, float] = (0.0, 2e-3)
    zingers_per_frame: tuple[float, float] = (0.0, 0.3)
    most_aliens: int = 2
    alien_strength: tuple[float, float] = (1e-4, 1.0)
    background: tuple[float, float] = (1e-4, 0.3)  # even in the logarithm
    gap_px: tuple[int, int] = (4, 12)
    saturation_share: tuple[float, float] = (0.1, 1.0)  # of the brightest voxel
    flux_noise: tuple[float, float] = (0.0, 0.05)
    drift: tuple[float, float] = (0.0, 1.0)
    jitter_steps: tuple[float, float] = (0.0, 0.15)
    odds: dict[str, float] = field(
        default_factory=lambda: {
            "pixels": 0.7,
            "zingers": 0.5,
            "aliens": 0.5,
            "gap": 0.3,
            "saturation": 0.1,
            "beam": 0.5,
        }
    )


def drawn_flaws(expected: NDArray[np.float32], range_: FlawRange, rng: np.random.Generator) -> DetectorFlaws:
    """The flaws of one scan of `expected` counts."""
    _, rows, columns = expected.shape
    has = {name: bool(rng.random() < odds) for name, odds in range_.odds.items()}
    pixels = rows * columns * has["pixels"]
    n_aliens = int(rng.integers(1, range_.most_aliens + 1)) if has["aliens"] else 0
    beam = float(has["beam"])
    gap_rows, gap_columns = _drawn_gap(rows, columns, range_.gap_px, rng) if has["gap"] else ((), ())
    peak = float(expected.max())
    return DetectorFlaws(
        hot_pixels=int(rng.poisson(pixels * rng.uniform(*range_.hot_share))),
        dead_pixels=int(rng.poisson(pixels * rng.uniform(*range_.dead_share))),
        zingers_per_frame=float(rng.uniform(*range_.zingers_per_frame)) * has["zingers"],
        alien_strengths=tuple(float(np.exp(rng.uniform(*np.log(range_.alien_strength)))) for _ in range(n_aliens)),
        background=float(np.exp(rng.uniform(*np.log(range_.background)))),
        gap_rows=gap_rows,
        gap_columns=gap_columns,
        saturation=max(peak * float(rng.uniform(*range_.saturation_share)), 1.0) if has["saturation"] else np.inf,
        flux_noise=beam * float(rng.uniform(*range_.flux_noise)),
        drift=beam * float(rng.uniform(*range_.drift)),
        jitter_steps=beam * float(rng.uniform(*range_.jitter_steps)),
    )


def _drawn_gap(rows: int, columns: int, width: tuple[int, int], rng: np.random.Generator) -> tuple[Spans, Spans]:
    """Across the rows, the columns, or both, anywhere but on the peak itself."""
    which = int(rng.integers(3))
    spans: list[Spans] = []
    for n, has in ((rows, which != 1), (columns, which != 0)):
        size = int(rng.integers(width[0], width[1] + 1))
        free = [a for a in range(n - size) if a > n // 2 + 2 or a + size < n // 2 - 2]
        spans.append(((a := int(rng.choice(free)), a + size),) if has and free else ())
    return spans[0], spans[1]
