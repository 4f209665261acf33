"""Central slices through the crystal: amplitude, phase, strain and its uncertainty, all on one scale."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from braggline_models.results import StrainField
from braggline_models.scan import BoolArray
from braggline_service.nexus import ScanResult
from braggline_service.nexus.pictures import central_index

# the axis across a cut, its horizontal and its vertical axis, of (z, y, x)
PLANES = ((0, 2, 1), (1, 2, 0), (2, 1, 0))
# even in lightness on both sides of zero and told apart by the color-blind; the unwrapped phase need not be cyclic
SIGNED_MAP, PLAIN_MAP = "coolwarm", "viridis"
CLIP_PERCENTILE = 99.0
MARGIN = 0.12  # of empty space around the crystal
WIDTH_IN, COLUMN_IN, LONGEST_IN = 11.0, 2.4, 9.0
LEFT_IN, GAP_IN, TOP_IN, BOTTOM_IN, ROW_GAP_IN = 0.75, 0.15, 0.75, 0.75, 0.15
Limits = tuple[float, float]
Window = tuple[slice, slice, slice]
Rectangle = tuple[float, float, float, float]


class Shown(NamedTuple):
    """One quantity as it is drawn: NaN outside the crystal, in the title's unit."""

    title: str
    values: NDArray[Any]
    colors: str
    limits: Limits


def overview_figure(result: ScanResult) -> Figure:
    """A column a quantity, a row a plane through the crystal's center, lengths in nm on one scale."""
    strain = result.strain
    window, center = _window(strain.support), central_index(strain.support)
    sizes = [window[k].stop - window[k].start for k in range(3)]
    inch = _inch_per_voxel(sizes)
    heights = [sizes[vertical] * inch for _, _, vertical in PLANES]
    size = (WIDTH_IN, TOP_IN + sum(heights) + 2 * ROW_GAP_IN + BOTTOM_IN)
    figure = Figure(figsize=size)
    for column, shown in enumerate(_quantities(strain)):
        top = size[1] - TOP_IN
        left = LEFT_IN + column * (COLUMN_IN + GAP_IN)
        for (plane, height), first in zip(zip(PLANES, heights, strict=True), (True, False, False), strict=True):
            top -= height
            axis = figure.add_axes(_inches(left, top, COLUMN_IN, height, size))
            picture = _slice(axis, shown, window, plane, center, strain)
            if first:
                axis.set_title(shown.title, fontsize=10)
            if column == 0:
                at_nm = center[plane[0]] * strain.voxel_size_m * 1e9
                axis.set_ylabel(f"{'zyx'[plane[0]]} = {at_nm:.0f} nm", fontsize=9, labelpad=14)
            top -= ROW_GAP_IN
        bar = figure.add_axes(_inches(left + 0.1, 0.42, COLUMN_IN - 0.2, 0.12, size))
        figure.colorbar(picture, cax=bar, orientation="horizontal").ax.tick_params(labelsize=8)
    told = f"{result.name}   {strain.frame} frame, voxels of {strain.voxel_size_m * 1e9:.1f} nm"
    figure.text(0.5, 1 - 0.25 / size[1], told, ha="center", va="center", fontsize=11, parse_math=False)
    return figure


def limits_of(values: NDArray[Any], symmetric: bool) -> Limits:
    """Where a color map begins and ends: the 99th percentile, around zero or from it."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    bound = float(np.percentile(np.abs(finite), CLIP_PERCENTILE)) or 1.0
    return (-bound, bound) if symmetric else (0.0, bound)


def _quantities(strain: StrainField) -> list[Shown]:
    rows = (
        ("amplitude (bulk = 1)", strain.amplitude, 1.0, PLAIN_MAP),
        ("phase (rad)", strain.phase_rad, 1.0, SIGNED_MAP),
        ("strain along Q (10⁻⁴)", strain.strain, 1e4, SIGNED_MAP),
        ("strain uncertainty (10⁻⁴)", strain.uncertainty, 1e4, PLAIN_MAP),
    )
    shown = []
    for title, volume, scale, colors in rows:
        values = np.where(strain.support, volume, np.nan) * scale
        nothing = "" if np.isfinite(values).any() else ": none"
        shown.append(Shown(title + nothing, values, colors, limits_of(values, colors == SIGNED_MAP)))
    return shown


def _window(support: BoolArray) -> Window:
    """The crystal's bounding box with a margin; the whole grid where there is no crystal."""
    if not support.any():
        return tuple(slice(0, n) for n in support.shape)  # type: ignore[return-value]
    cuts = []
    for where, n in zip(np.nonzero(support), support.shape, strict=True):
        margin = round(MARGIN * (np.ptp(where) + 1)) + 1
        cuts.append(slice(max(int(where.min()) - margin, 0), min(int(where.max()) + 1 + margin, n)))
    return tuple(cuts)  # type: ignore[return-value]


def _inch_per_voxel(sizes: list[int]) -> float:
    widest = max(sizes[horizontal] for _, horizontal, _ in PLANES)
    return float(min(COLUMN_IN / widest, LONGEST_IN / sum(sizes[vertical] for _, _, vertical in PLANES)))


def _inches(left: float, bottom: float, width: float, height: float, size: tuple[float, float]) -> Rectangle:
    return left / size[0], bottom / size[1], width / size[0], height / size[1]


def _slice(
    axis: Axes,
    shown: Shown,
    window: Window,
    plane: tuple[int, int, int],
    center: tuple[int, int, int],
    strain: StrainField,
) -> AxesImage:
    across, horizontal, vertical = plane
    cut = np.take(shown.values, center[across], axis=across)[tuple(window[k] for k in range(3) if k != across)]
    size_nm = strain.voxel_size_m * 1e9
    extent = (0.0, cut.shape[1] * size_nm, 0.0, cut.shape[0] * size_nm)
    shades = colormaps[shown.colors].with_extremes(bad="white")
    low, high = shown.limits
    picture = axis.imshow(cut, origin="lower", extent=extent, cmap=shades, vmin=low, vmax=high, interpolation="nearest")
    axis.set_axis_on()
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set_color("0.8")
    _scale_bar(axis, extent[1], extent[3])
    _directions(axis, "zyx"[horizontal], "zyx"[vertical])
    return picture


def _directions(axis: Axes, horizontal: str, vertical: str) -> None:
    axis.text(
        0.98, 0.02, f"{horizontal} →", fontsize=7, ha="right", va="bottom", transform=axis.transAxes, color="0.35"
    )
    axis.text(0.02, 0.98, f"{vertical} ↑", fontsize=7, ha="left", va="top", transform=axis.transAxes, color="0.35")


def _scale_bar(axis: Axes, width_nm: float, height_nm: float) -> None:
    length = next((n for n in (2000, 1000, 500, 200, 100, 50, 20, 10, 5) if n <= width_nm / 3), 1)
    left, low = 0.04 * width_nm, 0.04 * height_nm
    axis.plot([left, left + length], [low, low], color="black", lw=2.5, solid_capstyle="butt")
    axis.text(left, low + 0.02 * height_nm, f"{length} nm", fontsize=7, va="bottom")
