"""The pictures of a result: central slices, rocking curve, transfer function."""

from __future__ import annotations

from typing import Any

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
# even in lightness on both sides of zero; the phase is unwrapped, so its map need not be cyclic
SIGNED_MAP, PLAIN_MAP = "coolwarm", "viridis"
CLIP_PERCENTILE = 99.0
MARGIN = 0.12  # of empty space around the crystal
Limits = tuple[float, float]
Window = tuple[slice, slice, slice]


def overview_figure(result: ScanResult) -> Figure:
    """Three slices through the crystal's center of amplitude, phase, strain and its uncertainty, in nm."""
    strain = result.strain
    rows = (
        ("amplitude", strain.amplitude, 1.0, PLAIN_MAP),
        ("phase (rad)", strain.phase_rad, 1.0, SIGNED_MAP),
        ("strain along Q (10⁻⁴)", strain.strain, 1e4, SIGNED_MAP),
        ("strain uncertainty (10⁻⁴)", strain.uncertainty, 1e4, PLAIN_MAP),
    )
    window, center = _window(strain.support), central_index(strain.support)
    figure = Figure(figsize=(9.0, 11.0), layout="constrained")
    axes = figure.subplots(len(rows), len(PLANES))
    for number, (title, volume, scale, colors) in enumerate(rows):
        shown = np.where(strain.support, volume, np.nan) * scale
        limits = _limits(shown, colors == SIGNED_MAP)
        for axis, plane in zip(axes[number], PLANES, strict=True):
            picture = _slice(axis, shown, window, plane, center, strain, colors, limits)
            if number == 0:
                at_nm = center[plane[0]] * strain.voxel_size_m * 1e9
                axis.set_title(f"{'zyx'[plane[0]]} = {at_nm:.0f} nm", fontsize=9)
        figure.colorbar(picture, ax=list(axes[number]), label=title, shrink=0.85)
    figure.suptitle(f"{result.name}   {strain.frame} frame, voxels of {strain.voxel_size_m * 1e9:.1f} nm", fontsize=11)
    return figure


def curve_figure(result: ScanResult) -> Figure:
    """Rocking curve and phase retrieval transfer function."""
    figure = Figure(figsize=(9.0, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    seen = np.isfinite(result.rocking_curve) & (result.rocking_curve > 0)
    left.semilogy(result.rocking_angle_deg[seen], result.rocking_curve[seen], ".-", lw=0.8, ms=3)
    left.set(xlabel="rocking angle (deg)", ylabel="counts of a frame", title="rocking curve")
    quality = result.reconstruction.quality
    right.plot(quality.prtf_q_per_m * 1e-9, quality.prtf, ".-", lw=0.8, ms=3)
    right.axhline(1 / np.e, color="0.6", lw=0.8)
    if np.isfinite(quality.resolution_m) and quality.resolution_m > 0:
        right.axvline(np.pi / quality.resolution_m * 1e-9, color="0.6", lw=0.8, ls="--")
    right.set(xlabel="|q − Q| (1/nm)", ylabel="PRTF", ylim=(0, 1.1), title="phase retrieval transfer function")
    return figure


def _window(support: BoolArray) -> Window:
    """The crystal's bounding box with a margin; the whole grid where there is no crystal."""
    if not support.any():
        return tuple(slice(0, n) for n in support.shape)  # type: ignore[return-value]
    cuts = []
    for where, n in zip(np.nonzero(support), support.shape, strict=True):
        margin = round(MARGIN * (np.ptp(where) + 1)) + 1
        cuts.append(slice(max(int(where.min()) - margin, 0), min(int(where.max()) + 1 + margin, n)))
    return tuple(cuts)  # type: ignore[return-value]


def _slice(
    axis: Axes,
    volume: NDArray[Any],
    window: Window,
    plane: tuple[int, int, int],
    center: tuple[int, int, int],
    strain: StrainField,
    colors: str,
    limits: Limits,
) -> AxesImage:
    across, horizontal, vertical = plane
    cut = np.take(volume, center[across], axis=across)[tuple(window[k] for k in range(3) if k != across)]
    size_nm = strain.voxel_size_m * 1e9
    extent = (0.0, cut.shape[1] * size_nm, 0.0, cut.shape[0] * size_nm)
    shades = colormaps[colors].with_extremes(bad="white")
    picture = axis.imshow(
        cut, origin="lower", extent=extent, cmap=shades, vmin=limits[0], vmax=limits[1], interpolation="nearest"
    )
    _scale_bar(axis, extent[1], extent[3])
    axis.set(xticks=[], yticks=[], xlabel="zyx"[horizontal], ylabel="zyx"[vertical])
    return picture


def _scale_bar(axis: Axes, width_nm: float, height_nm: float) -> None:
    length = next((n for n in (2000, 1000, 500, 200, 100, 50, 20, 10, 5) if n <= width_nm / 3), 1)
    left, low = 0.04 * width_nm, 0.04 * height_nm
    axis.plot([left, left + length], [low, low], color="black", lw=2.5, solid_capstyle="butt")
    axis.text(left, low + 0.02 * height_nm, f"{length} nm", fontsize=7, va="bottom")


def _limits(values: NDArray[Any], symmetric: bool) -> Limits:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    bound = float(np.percentile(np.abs(finite), CLIP_PERCENTILE)) or 1.0
    return (-bound, bound) if symmetric else (0.0, bound)
