"""What the phase does around a dislocation line besides winding: how much of the winding is of edge character."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.special import ive

from braggline_models.results import Defect, StrainField

Vector3 = NDArray[np.float64]

NU = 0.38  # Poisson's ratio between nickel's 0.31 and gold's 0.44
HARMONIC = 1.0 / (4.0 * (1.0 - NU))  # rad of sin 2 theta for each turn of edge character
LOGARITHM = (1.0 - 2.0 * NU) / (2.0 * (1.0 - NU))
BLUR_VOXELS = 0.8  # what apodisation and resolution make of a point
INNER_VOXELS = 1.0
DIMMEST = 0.35  # of the bulk's amplitude: below, a voxel tells no phase
BEYOND_VOXELS = 1.5  # a found line ends short of the surface
STEP_NOISE_RAD = 0.3
REACHES = (2.5, 3.5, np.inf, np.inf)  # voxels: the fit begins near the line, where the phase is known to wind
LOOP_VOXELS = 2.5
MONOMIALS = tuple((a, b, c) for a in range(4) for b in range(4) for c in range(4) if a + b + c <= 3)
PRIOR_RAD = {0: 100.0, 1: 6.0, 2: 1.0, 3: 0.6}  # of the smooth phase's coefficients by degree, at the tube's wall


@dataclass(frozen=True)
class Core:
    """The least-squares fit of one line.

    along      |cos| of the angle between line and Q;  loop  turns of the phase on a loop LOOP_VOXELS wide, the mean
    edge       b_e.g in turns, the part of the winding that belongs to the edge component;  across  |b_e x g| along the
               line, by which an edge component that does not wind is seen; each with its standard deviation
    misfit_rad what is left;  bend_rad  of the smooth phase;  dark  amplitude at the line over that around it
    """

    along: float
    loop: float
    edge: float
    edge_sd: float
    across: float
    across_sd: float
    misfit_rad: float
    bend_rad: float
    dark: float
    points: int


def fitted_core(psi: NDArray[np.complex64], strain: StrainField, line: Defect, outer_voxels: float) -> Core:
    """phase = n theta + edge K sin 2 theta + across (K cos 2 theta - L ln r) + a smooth phase, K = 1 / (4 (1 - nu)).

    theta about the line from the part of Q across it: so much is known of u without knowing b. psi (z, y, x) complex,
    amplitude 1 in the bulk. The smooth phase is a cubic with a prior on bending; the line may lie beside its place.
    The harmonic is that of a core blurred by BLUR_VOXELS. Source of u: Hirth & Lothe, Theory of Dislocations, ch. 3.
    """
    path = line.position_m / strain.voxel_size_m
    frame = line_frame(np.array(line.direction), strain.q_bragg_per_m)
    center = path.mean(axis=0)[::-1]
    place = (path[:, ::-1] - center) @ frame[2]
    x, y, s, value = _tube(psi, center, frame, (place.min() - BEYOND_VOXELS, place.max() + BEYOND_VOXELS), outer_voxels)
    turns = max(1.0, round(line.g_dot_b))
    q = strain.q_bragg_per_m / np.linalg.norm(strain.q_bragg_per_m)
    along = abs(float(frame[2] @ q))
    loop, dark = _loop(psi, path, frame)
    if len(x) <= len(MONOMIALS):
        return Core(along, loop, 0.0, 2.0, 0.0, 2.0, np.pi, 0.0, dark, len(x))
    basis, prior = _basis(x, y, s, outer_voxels)
    weight = np.minimum(np.abs(value), 1.0) ** 2
    turned = value * np.exp(-1j * turns * np.arctan2(y, x))
    fit = _solved(basis, prior, turned, weight, np.hypot(x, y))
    rest = np.angle(turned * np.exp(-1j * (basis @ fit)))
    misfit = float(np.sqrt((weight * rest**2).sum() / weight.sum()))
    normal = (basis * weight[:, None]).T @ basis / max(misfit, 0.05) ** 2 + np.diag(prior**-2)
    sd = np.sqrt(np.diag(np.linalg.inv(normal)))
    bend = float(np.linalg.norm([fit[k] for k, powers in enumerate(MONOMIALS) if sum(powers) > 1]))
    return Core(along, loop, fit[-2], sd[-2], fit[-1], sd[-1], misfit, bend, dark, len(x))


def line_frame(direction: Vector3, q: Vector3) -> NDArray[np.float64]:
    """Rows x, y, z: z along the line, x along the part of Q across it, right-handed; all in (x, y, z)."""
    z = direction / np.linalg.norm(direction)
    x = q / np.linalg.norm(q)
    x = x - (x @ z) * z
    if np.linalg.norm(x) < 1e-3:  # any will do
        x = np.linalg.svd(z[None])[2][1]
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


def blurred_harmonic(r_voxels: NDArray[np.float64], blur_voxels: float = BLUR_VOXELS) -> NDArray[np.float64]:
    """(1 + A_3 / A_1) / 2: what a Gaussian leaves of sin 2 theta in exp(i theta (1 + i h sin 2 theta)).

    A_m(r) is exp(i m theta) blurred: sqrt(pi u / 2) e^-u (I_(m-1)/2 + I_(m+1)/2)(u), u = r^2 / 4 blur^2.
    """
    u = np.square(r_voxels / blur_voxels) / 4.0
    first, third = ive(0, u) + ive(1, u), ive(1, u) + ive(2, u)
    return np.asarray(0.5 * (1.0 + third / first))


def _tube(
    psi: NDArray[np.complex64], center: Vector3, frame: NDArray[np.float64], ends: tuple[float, float], outer: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.complex128]]:
    """x, y across the line, s from -1 to 1 along it, and psi: of the bright voxels in a tube about it."""
    reach = int(np.ceil(np.hypot(outer, 0.5 * (ends[1] - ends[0])))) + 1
    middle = center + 0.5 * (ends[0] + ends[1]) * frame[2]
    low = np.maximum(np.rint(middle[::-1]).astype(int) - reach, 0)
    block = tuple(slice(a, int(np.rint(m)) + reach + 1) for a, m in zip(low, middle[::-1], strict=True))
    index = np.argwhere(np.abs(psi[block]) > DIMMEST) + low
    x, y, s = (index[:, ::-1] - center) @ frame.T[:, 0], (index[:, ::-1] - center) @ frame[1], index[:, ::-1] @ frame[2]
    s = s - middle @ frame[2]
    half = 0.5 * (ends[1] - ends[0])
    r = np.hypot(x, y)
    kept = (np.abs(s) < half) & (r > INNER_VOXELS) & (r < outer)
    return x[kept], y[kept], s[kept] / half, psi[tuple(index[kept].T)].astype(np.complex128)


def _basis(
    x: NDArray[np.float64], y: NDArray[np.float64], s: NDArray[np.float64], outer: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Columns: the smooth phase, a shift and a tilt of the line, edge, across; and the prior of each in rad."""
    square, theta = x**2 + y**2, np.arctan2(y, x)
    columns = [(x / outer) ** a * (y / outer) ** b * s**c for a, b, c in MONOMIALS]
    columns += [x / square, y / square, x / square * s, y / square * s]
    soft = blurred_harmonic(np.sqrt(square))
    logarithm = 0.5 * np.log((square + BLUR_VOXELS**2) / outer**2)
    columns += [HARMONIC * soft * np.sin(2 * theta), HARMONIC * soft * np.cos(2 * theta) - LOGARITHM * logarithm]
    prior = [PRIOR_RAD[sum(powers)] for powers in MONOMIALS] + 4 * [0.5] + 2 * [2.0]
    return np.stack(columns, axis=1), np.array(prior)


def _solved(
    basis: NDArray[np.float64],
    prior: NDArray[np.float64],
    turned: NDArray[np.complex128],
    weight: NDArray[np.float64],
    r: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Gauss-Newton on the wrapped phase, from the line outwards."""
    fit = np.zeros(basis.shape[1])
    fit[0] = np.angle(turned.sum())
    for reach in REACHES:
        near = r < reach
        rest = np.angle(turned[near] * np.exp(-1j * (basis[near] @ fit)))
        scaled = (basis[near] * weight[near, None]).T / STEP_NOISE_RAD**2
        fit = fit + np.linalg.solve(scaled @ basis[near] + np.diag(prior**-2), scaled @ rest - fit / prior**2)
    return fit


def _loop(psi: NDArray[np.complex64], path: NDArray[np.float64], frame: NDArray[np.float64]) -> tuple[float, float]:
    """Mean turns on wide loops about the path, and the amplitude at the path over that on the loops."""
    theta = np.linspace(0.0, 2 * np.pi, 24, endpoint=False)
    ring = LOOP_VOXELS * (np.cos(theta)[:, None] * frame[0] + np.sin(theta)[:, None] * frame[1])
    points = (path[:, None, ::-1] + ring)[..., ::-1]
    values = _sampled(psi, points)
    steps = np.angle(np.roll(values, -1, axis=1) * np.conj(values))
    around = float(np.abs(values).mean())
    turns = np.rint(steps.sum(axis=1) / (2 * np.pi))
    return float(turns.mean()), float(np.abs(_sampled(psi, path)).mean()) / max(around, 1e-6)


def _sampled(psi: NDArray[np.complex64], zyx: NDArray[np.float64]) -> NDArray[np.complex128]:
    at = np.moveaxis(zyx, -1, 0)
    real, imag = (map_coordinates(part, at, order=1) for part in (psi.real, psi.imag))
    return np.asarray(real + 1j * imag, np.complex128)
