"""The crystal's surface as a mesh that carries what is drawn on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, grey_dilation, map_coordinates
from skimage.measure import marching_cubes

from braggline_models.scan import BoolArray
from braggline_service.nexus import ScanResult
from braggline_service.report.markup import indices

SOFT_VOXELS = 1.0  # the surface, and what is drawn on it, is smoothed by this Gaussian
MARGIN = 3
MOST_SURFACE_VOXELS = 15_000  # of one mesh; above, the grid is walked in larger steps
MOST_VERTICES = 65_535  # of 16 bit


@dataclass(frozen=True)
class Layer:
    """One quantity on the vertices: values (n,) float32 in `unit`; `signed` ones are drawn around zero."""

    name: str
    unit: str
    values: NDArray[np.float32]
    kind: str = "signed"  # or "facet": 0 for none, else its row + 1
    names: tuple[str, ...] = ()  # of the facets: what the legend calls each, from the first on


@dataclass(frozen=True)
class Surface:
    """vertices_nm (n, 3) float32 (x, y, z) from the crystal's center, triangles (m, 3) seen from outside
    anticlockwise, q_direction (3,); lines_nm: the paths (k, 3) of dislocation lines from the same center."""

    vertices_nm: NDArray[np.float32]
    triangles: NDArray[np.int32]
    layers: tuple[Layer, ...]
    q_direction: NDArray[np.float64]
    voxel_nm: float
    lines_nm: tuple[NDArray[np.float64], ...] = ()


def surface_of(result: ScanResult) -> Surface | None:
    """The surface of the support, at most 65535 vertices; None where there is no crystal."""
    field = result.strain
    if not field.support.any():
        return None
    box = tuple(
        slice(max(int(where.min()) - MARGIN, 0), int(where.max()) + 1 + MARGIN) for where in np.nonzero(field.support)
    )
    support = np.pad(field.support[box], MARGIN)
    vertices, triangles = _mesh(support)
    cut = lambda volume: np.pad(volume[box], MARGIN)  # noqa: E731
    layers = [
        Layer("strain along Q", "×10⁻⁴", _carried(cut(field.strain) * np.float32(1e4), support, vertices)),
        Layer("displacement along Q", "pm", _carried(cut(field.displacement_m) * np.float32(1e12), support, vertices)),
    ]
    if result.facets.facets and result.facets.labels.shape == field.support.shape:
        named = tuple(_named(row, facet.hkl) for row, facet in enumerate(result.facets.facets, 1))
        layers.append(Layer("facet", "", _nearest(cut(result.facets.labels), vertices), "facet", named))
    center, voxel_nm = (vertices.max(axis=0) + vertices.min(axis=0)) / 2, field.voxel_size_m * 1e9
    corner = np.array([cut_.start for cut_ in box]) - MARGIN  # of the mesh's grid, in voxels of the field
    lines = [(line.position_m / field.voxel_size_m - corner - center)[:, ::-1] for line in result.defects.lines]
    return Surface(
        ((vertices - center)[:, ::-1] * voxel_nm).astype(np.float32), triangles, tuple(layers),
        field.q_bragg_per_m / np.linalg.norm(field.q_bragg_per_m), voxel_nm, tuple(line * voxel_nm for line in lines),
    )  # fmt: skip


def _named(row: int, hkl: tuple[int, int, int]) -> str:
    """Its row in the table, and its indices where they are known."""
    return f"{row}: {indices(hkl)}" if any(hkl) else str(row)


def _mesh(support: BoolArray) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vertices (n, 3) as z, y, x in voxels, and triangles."""
    soft = _soft(support.astype(np.float32))
    level = min(0.5, 0.5 * float(soft.max()))
    crossed = sum(int(np.count_nonzero(np.diff(support, axis=k))) for k in range(3))
    step = max(1, int(np.ceil(np.sqrt(crossed / MOST_SURFACE_VOXELS))))
    while True:
        # Padded by two margins, so that coarse steps still close the surface
        vertices, triangles, _, _ = marching_cubes(soft, level, step_size=step, gradient_direction="ascent")
        if len(vertices) <= MOST_VERTICES:
            # (z, y, x) read as (x, y, z) is a mirror image: the other way round is outward
            return vertices.astype(np.float32), triangles[:, ::-1].astype(np.int32)
        step += 1


def _soft(volume: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(gaussian_filter(volume, SOFT_VOXELS, truncate=2.0), np.float32)


def _carried(volume: NDArray[np.float32], support: BoolArray, vertices: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of what is known near each vertex; NaN where nothing is."""
    known = support & np.isfinite(volume)
    weight = map_coordinates(_soft(known.astype(np.float32)), vertices.T, order=1)
    total = map_coordinates(_soft(np.where(known, volume, np.float32(0))), vertices.T, order=1)
    return np.where(weight > 1e-3, total / np.maximum(weight, 1e-3), np.nan).astype(np.float32)


def _nearest(labels: NDArray[np.int16], vertices: NDArray[np.float32]) -> NDArray[Any]:
    grown = np.where(labels > 0, labels, grey_dilation(labels, size=3))
    return np.asarray(map_coordinates(grown, vertices.T, order=0), np.float32)
