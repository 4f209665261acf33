"""u of a straight dislocation in an isotropic solid, and the phase g.u that it gives.

With z along the line, x along the edge part b_e of the Burgers vector and y = z cross x,
    u_x =  b_e / 2 pi [theta + x y / (2 (1 - nu) r^2)]
    u_y = -b_e / 2 pi [(1 - 2 nu) / (4 (1 - nu)) ln r^2 + (x^2 - y^2) / (4 (1 - nu) r^2)]
    u_z =  b_s / 2 pi theta
so that u grows by b on a right-handed turn about the line. Source: Hirth & Lothe, Theory of Dislocations, chapter 3.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from braggline_models.simulate.box import Box

POISSON_RATIO = {"Ag": 0.37, "Al": 0.35, "Au": 0.44, "Cu": 0.34, "Ni": 0.31, "Pd": 0.39, "Pt": 0.38}  # handbook values
CORE = 0.25  # voxels: nearer than that to the line the fields stay what they are there


def displacement(
    points: NDArray[np.float64],
    direction: NDArray[np.float64],
    burgers: NDArray[np.float64],
    nu: float,
    reach: float = 1.0,
) -> NDArray[np.float64]:
    """u at points (..., 3) relative to a point of the line along the unit vector `direction`: (..., 3), unit of b.

    reach: the distance at which the logarithm of u_y is 0; it only moves the whole solid.
    """
    axes = line_axes(direction, burgers)
    x, y = points @ axes[0], points @ axes[1]
    edge, screw = float(burgers @ axes[0]), float(burgers @ axes[2])
    square = x**2 + y**2
    theta = np.arctan2(y, x)
    u_x = edge / (2 * np.pi) * (theta + x * y / (2 * (1 - nu) * square))
    logarithm = (1 - 2 * nu) / (4 * (1 - nu)) * np.log(square / reach**2)
    u_y = -edge / (2 * np.pi) * (logarithm + (x**2 - y**2) / (4 * (1 - nu) * square))
    u_z = screw / (2 * np.pi) * theta
    return np.asarray(np.stack([u_x, u_y, u_z], axis=-1) @ axes)


def line_axes(direction: NDArray[np.float64], burgers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows x, y, z of the frame of a line: z along it, x along the edge part of b, right-handed."""
    edge = burgers - (burgers @ direction) * direction
    if np.linalg.norm(edge) < 1e-9 * np.linalg.norm(burgers):  # a screw: any x does
        edge = np.eye(3)[np.argmin(np.abs(direction))]
        edge = edge - (edge @ direction) * direction
    x = edge / np.linalg.norm(edge)
    return np.stack([x, np.cross(direction, x), direction])


def add_line_phase(
    phase: NDArray[np.float32],
    inside: NDArray[np.bool_],
    box: Box,
    point: NDArray[np.float64],
    direction: NDArray[np.float64],
    burgers: NDArray[np.float64],
    g: NDArray[np.float64],
    nu: float,
) -> None:
    """phase += g.u of `displacement` where `inside`, in place; burgers.g has no unit, point is in the box's."""
    axes = line_axes(direction, burgers)
    edge, screw = float(burgers @ axes[0]), float(burgers @ axes[2])
    weights = np.array([edge * float(g @ axes[0]), edge * float(g @ axes[1]), screw * float(g @ axes[2])]) / (2 * np.pi)
    plane = axes[:2] @ box.vectors
    origin = plane @ np.array(box.first, float) - axes[:2] @ point
    scale = box.voxel
    _add(phase, inside, plane / scale, origin / scale, weights, nu, float(np.linalg.norm(box.shape) / 4.0))


@njit(cache=True, nogil=True)
def _add(phase, inside, plane, origin, weights, nu, reach):  # type: ignore[no-untyped-def]
    """plane (2, 3) and origin (2,): x and y of a voxel, in voxels."""
    shear, stretch = 1.0 / (2.0 * (1.0 - nu)), (1.0 - 2.0 * nu) / (4.0 * (1.0 - nu))
    for i in range(phase.shape[0]):
        for j in range(phase.shape[1]):
            x0 = origin[0] + plane[0, 0] * i + plane[0, 1] * j
            y0 = origin[1] + plane[1, 0] * i + plane[1, 1] * j
            for k in range(phase.shape[2]):
                if not inside[i, j, k]:
                    continue
                x, y = x0 + plane[0, 2] * k, y0 + plane[1, 2] * k
                theta = np.arctan2(y, x)
                value = weights[2] * theta
                if weights[0] != 0.0 or weights[1] != 0.0:
                    square = max(x * x + y * y, CORE * CORE)
                    value += weights[0] * (theta + shear * x * y / square)
                    logarithm = stretch * np.log(square / (reach * reach))
                    value -= weights[1] * (logarithm + 0.5 * shear * (x * x - y * y) / square)
                phase[i, j, k] += value
