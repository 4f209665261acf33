"""The pictures of a result: central slices, rocking curve, transfer function."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from braggline_service.nexus import ScanResult

PLANES = (("XY", 0, "x", "y"), ("XZ", 1, "x", "z"), ("YZ", 2, "y", "z"))
PHASE_MAP, STRAIN_MAP, PLAIN_MAP = "twilight_shifted", "RdBu_r", "viridis"
CLIP_PERCENTILE = 99.0


def overview_figure(result: ScanResult) -> Figure:
    """Three central slices of amplitude, phase, strain and its uncertainty, each with a scale bar and units."""
    strain = result.strain
    rows = (
        ("amplitude", np.where(strain.support, strain.amplitude, np.nan), PLAIN_MAP, False),
        ("phase (rad)", strain.phase_rad, PHASE_MAP, True),
        ("strain along Q", strain.strain, STRAIN_MAP, True),
        ("strain uncertainty", strain.uncertainty, PLAIN_MAP, False),
    )
    figure = Figure(figsize=(9.0, 11.0), layout="constrained")
    axes = figure.subplots(len(rows), len(PLANES))
    for line, (title, volume, colors, symmetric) in zip(axes, rows, strict=True):
        low, high = _limits(volume, symmetric)
        for axis, plane in zip(line, PLANES, strict=True):
            picture = _slice(axis, volume, plane, strain.voxel_size_m, colors, (low, high))
        figure.colorbar(picture, ax=list(line), label=title, shrink=0.85)
    figure.suptitle(f"{result.name}: sample frame, {strain.voxel_size_m * 1e9:.1f} nm voxels", fontsize=11)
    return figure


def curve_figure(result: ScanResult) -> Figure:
    """Rocking curve and phase retrieval transfer function."""
    figure = Figure(figsize=(9.0, 3.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    seen = np.isfinite(result.rocking_curve) & (result.rocking_curve > 0)
    left.semilogy(result.rocking_angle_deg[seen], result.rocking_curve[seen], ".-", lw=0.8, ms=3)
    left.set(xlabel="rocking angle (deg)", ylabel="counts of a frame")
    quality = result.reconstruction.quality
    right.plot(quality.prtf_q_per_m * 1e-9, quality.prtf, ".-", lw=0.8, ms=3)
    right.axhline(1 / np.e, color="0.6", lw=0.8)
    right.set(xlabel="|q - Q| (1/nm)", ylabel="PRTF", ylim=(0, 1.1))
    return figure


def _slice(
    axis: Any, volume: NDArray[Any], plane: tuple[str, int, str, str], size_m: float, colors: str, limits: Any
) -> Any:
    name, across, horizontal, vertical = plane
    cut = np.take(volume, volume.shape[across] // 2, axis=across)
    extent = [0, cut.shape[1] * size_m * 1e9, 0, cut.shape[0] * size_m * 1e9]
    picture = axis.imshow(
        cut, origin="lower", extent=extent, cmap=_map(colors), vmin=limits[0], vmax=limits[1], interpolation="nearest"
    )
    _scale_bar(axis, extent[1])
    axis.set(xticks=[], yticks=[], xlabel=horizontal, ylabel=vertical, title=name)
    axis.title.set_fontsize(9)
    return picture


def _scale_bar(axis: Any, width_nm: float) -> None:
    length = next(n for n in (1000, 500, 200, 100, 50, 20, 10, 5, 1) if n <= max(width_nm / 3, 1))
    start = 0.05 * width_nm
    axis.plot([start, start + length], [start, start], color="black", lw=2.5, solid_capstyle="butt")
    axis.text(start, start * 1.4, f"{length} nm", fontsize=7, va="bottom")


def _limits(volume: NDArray[Any], symmetric: bool) -> tuple[float, float]:
    values = volume[np.isfinite(volume)]
    if not values.size:
        return 0.0, 1.0
    if symmetric:
        bound = float(np.percentile(np.abs(values), CLIP_PERCENTILE)) or 1.0
        return -bound, bound
    return 0.0, float(np.percentile(values, CLIP_PERCENTILE)) or 1.0


def _map(name: str) -> Colormap:
    from matplotlib import colormaps

    return colormaps[name].with_extremes(bad="0.94")
