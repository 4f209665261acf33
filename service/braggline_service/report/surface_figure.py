"""The surface as a still picture: from two opposite sides and from above."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import TriMesh
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.tri import Triangulation
from numpy.typing import NDArray

from braggline_service.nexus import ScanResult
from braggline_service.report.colors import bounds, palette, shades
from braggline_service.report.figures import SIGNED_MAP
from braggline_service.report.surface import Surface
from braggline_service.report.tubes import COLOR

VIEWS = {"from the front": (-60.0, 25.0), "from behind": (120.0, 25.0), "from above": (-90.0, 90.0)}  # azimuth, rise
LIGHT = np.array([-0.35, 0.5, 0.79])  # in (right, up, towards the eye)
AMBIENT = 0.6
Array = NDArray[np.float64]


def view_matrix(azimuth_deg: float, rise_deg: float) -> Array:
    """Rows: right, up and towards the eye, in (x, y, z), for an eye at this azimuth and height; z is up."""
    a, r = np.radians([azimuth_deg, rise_deg])
    eye = np.array([np.cos(r) * np.cos(a), np.cos(r) * np.sin(a), np.sin(r)])
    right = np.array([-np.sin(a), np.cos(a), 0.0])
    return np.stack([right, np.cross(eye, right), eye])


def surface_figure(result: ScanResult, surface: Surface | None) -> Figure:
    """Strain on the surface in 10⁻⁴; the axes x, y, z and Q in a corner. Says so where there is no surface."""
    figure = Figure(figsize=(11.0, 4.0))
    figure.text(0.5, 0.95, f"strain on the surface of {result.name}", ha="center", fontsize=11, parse_math=False)
    if surface is None:
        figure.text(0.5, 0.5, "no crystal, no surface", ha="center")
        return figure
    layer = surface.layers[0]
    color = palette(layer)[shades(layer)] / 255.0
    reach = float(np.linalg.norm(surface.vertices_nm, axis=1).max()) * 1.02
    for column, (title, angles) in enumerate(VIEWS.items()):
        axis = figure.add_axes((0.01 + 0.3 * column, 0.05, 0.29, 0.82))
        _draw(axis, surface, color, view_matrix(*angles))
        for line in surface.lines_nm:
            seen = line @ view_matrix(*angles).T
            axis.plot(seen[:, 0], seen[:, 1], color=COLOR, lw=2.0)
        axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        axis.set_title(title, fontsize=9)
        axis.axis("off")
        _triad(axis, surface, view_matrix(*angles), reach)
    if surface.lines_nm:
        told = "dislocation lines, seen through the surface"
        figure.text(0.01, 0.02, told, fontsize=9, color=COLOR)
    low, high = bounds(layer)
    scale = ScalarMappable(Normalize(low, high), SIGNED_MAP)
    bar = figure.colorbar(scale, cax=figure.add_axes((0.93, 0.15, 0.012, 0.65)))
    bar.ax.set_title(f"{layer.unit}", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    return figure


def _draw(axis: Axes, surface: Surface, color: Array, view: Array) -> None:
    """Triangles that face the eye, farthest first, shaded between their corners."""
    seen = surface.vertices_nm @ view.T
    corners = seen[surface.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facing = normals[:, 2] > 0
    order = np.argsort(corners[facing, :, 2].mean(axis=1))
    lit = _lit(color, normals, surface.triangles, len(seen))
    mesh = TriMesh(Triangulation(seen[:, 0], seen[:, 1], surface.triangles[facing][order]))
    mesh.set_facecolor(np.column_stack([lit, np.ones(len(lit))]))
    axis.add_collection(mesh, autolim=False)


def _lit(color: Array, normals: Array, triangles: NDArray[np.int32], count: int) -> Array:
    """Colors by the light that falls on each vertex, its normal the sum of its triangles'."""
    smooth = np.stack(
        [np.bincount(triangles.ravel(), np.repeat(normals[:, k], 3), minlength=count) for k in range(3)], axis=1
    )
    smooth = smooth / np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), 1e-12)
    light = AMBIENT + (1 - AMBIENT) * np.clip(smooth @ LIGHT, 0, 1)
    return np.clip(color * light[:, None] * 1.08, 0, 1)


def _triad(axis: Axes, surface: Surface, view: Array, reach: float) -> None:
    directions = {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1), "Q": surface.q_direction}
    for name, direction in directions.items():
        right, up = (view @ np.asarray(direction, float))[:2] * 0.16 * reach
        if np.hypot(right, up) < 0.03 * reach:
            continue  # it points at the eye
        color = "#A00000" if name == "Q" else "0.25"
        axis.plot([-0.82 * reach, -0.82 * reach + right], [-0.8 * reach, -0.8 * reach + up], color=color, lw=1.4)
        axis.text(
            -0.82 * reach + 1.35 * right, -0.8 * reach + 1.35 * up, name, fontsize=8, color=color, ha="center",
            va="center",
        )  # fmt: skip
