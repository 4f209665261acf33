"""Smooth random displacement: a Gaussian field of Matern spectrum."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from braggline_models.simulate.box import Box

# S(k) ~ (2 nu / length^2 + k^2)^-(nu + 3/2) in three dimensions; with nu = 5/2 its root is a plain square
NU = 2.5


def matern_field(box: Box, length: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """White noise filtered to the Matern spectrum, isotropic in space though the grid is skewed; any scale.

    length: of correlation, in the box's unit. The field is periodic in a block a little larger than the box.
    """
    shape = tuple(scipy.fft.next_fast_len(n, real=True) for n in box.shape)
    metric = (2 * np.pi) ** 2 * np.linalg.inv(box.vectors.T @ box.vectors)
    f0 = np.fft.fftfreq(shape[0])[:, None, None]
    f1 = np.fft.fftfreq(shape[1])[:, None]
    f2 = np.fft.rfftfreq(shape[2])
    plane = metric[0, 0] * f0**2 + 2 * metric[0, 1] * f0 * f1 + metric[1, 1] * f1**2 + 2 * NU / length**2
    square = plane + metric[2, 2] * f2**2 + (2 * metric[0, 2] * f0 + 2 * metric[1, 2] * f1) * f2
    noise = scipy.fft.rfftn(rng.standard_normal(shape, np.float32), workers=1)
    noise /= np.square(square * length**2).astype(np.float32)
    field = scipy.fft.irfftn(noise, shape, workers=1)
    return np.asarray(field[tuple(slice(0, n) for n in box.shape)], np.float32)


def without_plane(field: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The field less the plane that fits it inside, 0 outside: a mean gradient only moves the Bragg peak."""
    i, j, k = np.nonzero(inside)
    values = field[i, j, k].astype(np.float64)
    basis = np.stack([np.ones(len(i)), i, j, k], axis=1)
    basis[:, 1:] -= basis[:, 1:].mean(axis=0)
    plane = np.linalg.solve(basis.T @ basis, basis.T @ values)
    flat = np.zeros_like(field)
    flat[i, j, k] = values - basis @ plane
    return flat
