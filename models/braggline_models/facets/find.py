"""Flat faces: where many neighboring normals are the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from scipy.spatial import cKDTree

from braggline_models.facets.index import crystal_axes, nearest_plane
from braggline_models.facets.surface import Surface, surface_of
from braggline_models.results import Facet, FacetReport, StrainField
from braggline_models.scan import Sample

KERNEL_DEG = 6.0  # width of the density of normals
FACE_DEG = 12.0  # normals that near to a face's belong to it
EDGE_DEG = 4.0
THICK_VOXELS = 1.5  # and lie within that of its plane
SMALLEST_SHARE = 0.02  # of the whole surface
MOST_FACES = 60
CORE_SHARE = 0.7  # of a face's radius: the rest is rounded by the edges


def find_facets(strain: StrainField, sample: Sample | None = None) -> FacetReport:
    """Faces by the density of surface normals on the sphere, each a plane fitted by least squares, largest first.

    The area counts triangles whose normals are within 12 degrees of the face's, so that rounded edges are left out.
    Strain and displacement are those of the surface voxels of the face. Indices h k l of the nearest low-index plane
    need the crystal's axes: Q is sample.reflection, the turn about it is given by sample.in_plane or found from the
    faces. Faces below 2 % of the surface are left out.
    """
    surface = surface_of(strain)
    parts = _faces(surface)
    planes = [_plane(surface, part) for part in parts]
    normals = np.array([normal[::-1] for normal, _ in planes]).reshape(-1, 3)
    areas = np.array([surface.areas[part].sum() for part in parts])
    axes, source = crystal_axes(strain.q_bragg_per_m, sample or Sample(), normals, areas)
    labels = _labels(strain, surface, parts)
    facets = []
    for k, part in enumerate(parts):
        facet = _facet(strain, surface, part, normals[k], labels == k + 1)
        if axes is not None:
            hkl, misfit = nearest_plane(axes.T @ normals[k])
            facet = replace(facet, hkl=hkl, misfit_deg=misfit)
        facets.append(facet)
    return FacetReport(tuple(facets), axes, source, labels, True)


def _faces(surface: Surface) -> list[NDArray[np.int_]]:
    """Triangles of each face: the densest direction first, what it takes is gone for the next."""
    free = np.ones(len(surface.areas), bool)
    least = SMALLEST_SHARE * surface.areas.sum()
    found: list[NDArray[np.int_]] = []
    cosine, width = np.cos(np.deg2rad(FACE_DEG)), 2.0 * (1.0 - np.cos(np.deg2rad(KERNEL_DEG)))
    directions = surface.normals[:: max(1, len(free) // 500)]
    few = np.zeros(len(free), bool)
    few[:: max(1, len(free) // 4000)] = True  # enough to see where normals crowd
    for _ in range(MOST_FACES):
        left = free & few
        near = np.exp(-2.0 * (1.0 - directions @ surface.normals[left].T) / width) @ surface.areas[left]
        center = directions[int(np.argmax(near))]
        for _ in range(3):  # to the mean of what it holds
            part = np.flatnonzero(free & (surface.normals @ center > cosine))
            if not len(part):
                return found
            center = surface.areas[part] @ surface.normals[part]
            center /= np.linalg.norm(center)
        flat = part[_in_one_plane(surface, part, center)]
        if surface.areas[flat].sum() >= least:
            found.append(flat)
            free[flat] = False
        else:  # an edge or a rounded place: what is not quite there may be a face yet
            free[part[surface.normals[part] @ center > np.cos(np.deg2rad(EDGE_DEG))]] = False
    return _largest_first(surface, found)


def _largest_first(surface: Surface, parts: list[NDArray[np.int_]]) -> list[NDArray[np.int_]]:
    return sorted(parts, key=lambda part: -surface.areas[part].sum())


def _in_one_plane(surface: Surface, part: NDArray[np.int_], normal: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Of parallel faces, such as the two sides of a step, the one with the larger area."""
    height = surface.centers[part] @ normal
    order = np.argsort(height)
    total = np.concatenate([[0.0], np.cumsum(surface.areas[part][order])])
    above = np.searchsorted(height[order], height + THICK_VOXELS, side="right")
    below = np.searchsorted(height[order], height - THICK_VOXELS, side="left")
    middle = height[int(np.argmax(total[above] - total[below]))]
    return np.asarray(np.abs(height - middle) <= THICK_VOXELS)


def _plane(surface: Surface, part: NDArray[np.int_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Outward normal and center (z, y, x) of the plane through the inner part of a face, by total least squares."""
    area = surface.areas[part]
    center = area @ surface.centers[part] / area.sum()
    mean = area @ surface.normals[part]
    mean /= np.linalg.norm(mean)
    radius = np.linalg.norm(surface.centers[part] - center, axis=1)
    core = part[radius <= max(CORE_SHARE * float(radius.max()), 1.5)]
    if len(core) < 8:
        return mean, center
    points = surface.centers[core] - surface.areas[core] @ surface.centers[core] / surface.areas[core].sum()
    normal = np.linalg.svd(points * np.sqrt(surface.areas[core])[:, None], full_matrices=False)[2][2]
    normal *= 1.0 if normal @ mean >= 0 else -1.0
    return (normal if normal @ mean > np.cos(np.deg2rad(FACE_DEG)) else mean), center


def _labels(strain: StrainField, surface: Surface, parts: list[NDArray[np.int_]]) -> NDArray[np.int16]:
    """1 + index of the face whose triangle is nearest to a surface voxel, 0 where that belongs to none."""
    of_triangle = np.zeros(len(surface.areas), np.int16)
    for k, part in enumerate(parts):
        of_triangle[part] = k + 1
    labels = np.zeros(strain.support.shape, np.int16)
    outer = np.argwhere(strain.support & ~binary_erosion(strain.support))
    nearest = np.asarray(cKDTree(surface.centers).query(outer)[1])
    labels[tuple(outer.T)] = of_triangle[nearest]
    return labels


def _facet(
    strain: StrainField, surface: Surface, part: NDArray[np.int_], normal: NDArray[np.float64], where: NDArray[np.bool_]
) -> Facet:
    area = surface.areas[part]
    center = area @ surface.centers[part] / area.sum() * strain.voxel_size_m
    strains = strain.strain[where & np.isfinite(strain.strain)].astype(np.float64)
    shifts = strain.displacement_m[where & np.isfinite(strain.displacement_m)].astype(np.float64)
    return Facet(
        normal=(float(normal[0]), float(normal[1]), float(normal[2])),
        center_m=(float(center[0]), float(center[1]), float(center[2])),
        area_m2=float(area.sum() * strain.voxel_size_m**2),
        voxels=int(np.count_nonzero(where)),
        hkl=(0, 0, 0),
        misfit_deg=float("nan"),
        strain_mean=_or_nan(strains, np.mean),
        strain_std=_or_nan(strains, np.std),
        displacement_mean_m=_or_nan(shifts, np.mean),
        displacement_std_m=_or_nan(shifts, np.std),
    )


def _or_nan(values: NDArray[np.float64], of) -> float:  # type: ignore[no-untyped-def]
    return float(of(values)) if values.size else float("nan")
