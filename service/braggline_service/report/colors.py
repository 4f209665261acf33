"""Colors of values, for the picture and the viewer alike; all told apart by the color-blind."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray

from braggline_service.report.figures import SIGNED_MAP, limits_of
from braggline_service.report.surface import Layer

# Okabe and Ito's eight less black, told apart with every kind of color vision
FACET_COLORS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
NONE_COLOR = "#BBBBBB"


def palette(layer: Layer) -> NDArray[np.uint8]:
    """(256, 3) uint8: the last entry is for what is not known."""
    if layer.kind == "facet":
        return _facet_palette()
    shades = colormaps[SIGNED_MAP](np.linspace(0, 1, 255))[:, :3]
    return np.concatenate([np.round(shades * 255), [[187, 187, 187]]]).astype(np.uint8)


def bounds(layer: Layer) -> tuple[float, float]:
    """Lowest and highest value that has a color of its own."""
    return (0.0, 254.0) if layer.kind == "facet" else limits_of(layer.values, True)


def shades(layer: Layer) -> NDArray[np.uint8]:
    """(n,) uint8: the row of the palette of each vertex."""
    low, high = bounds(layer)
    with np.errstate(invalid="ignore"):
        at = np.clip(np.round((layer.values - low) / (high - low) * 254), 0, 254)
    return np.where(np.isfinite(layer.values), at, 255).astype(np.uint8)


def _facet_palette() -> NDArray[np.uint8]:
    """Every seven facets the same colors again, by turns plain, pale and dark."""
    rgb = np.array([[int(color[k : k + 2], 16) for k in (1, 3, 5)] for color in (*FACET_COLORS, NONE_COLOR)], float)
    plain, none = rgb[:-1], rgb[-1:]
    rounds = np.concatenate([plain, (plain + 2 * 255) / 3, plain / 2])
    return np.concatenate([none, np.resize(rounds, (254, 3)), none]).astype(np.uint8)
