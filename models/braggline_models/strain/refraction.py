"""What the beam suffers on its way through the crystal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from braggline_models.geometry.materials import refraction
from braggline_models.geometry.reciprocal import wavenumber_per_m
from braggline_models.scan import BoolArray, PreparedVolume

STEP_VOXELS = 0.5  # of the march along a ray


@dataclass(frozen=True)
class Beam:
    """Directions of the incoming and the outgoing beam, unit (x, y, z), and n = 1 - delta + i beta at wavenumber k."""

    incoming: NDArray[np.float64]
    outgoing: NDArray[np.float64]
    wavenumber_per_m: float
    delta: float
    beta: float


def beam_of(volume: PreparedVolume, material: str, rotation: NDArray[np.float64]) -> Beam:
    """The beam at the Bragg peak, in the frame that `rotation` (3, 3) turns the sample frame into.

    k_in = k R_sample^T x, k_out = k_in + q. BadInput for an unknown material.
    """
    k = wavenumber_per_m(volume.energy_eV)
    k_in = k * volume.sample_to_lab.T @ np.array([1.0, 0.0, 0.0])
    k_out = k_in + volume.q_bragg_per_m
    delta, beta = refraction(material, volume.energy_eV)
    return Beam(rotation @ k_in / k, rotation @ k_out / np.linalg.norm(k_out), k, delta, beta)


def corrected(psi: NDArray[np.complex64], support: BoolArray, voxel_size_m: float, beam: Beam) -> NDArray[np.complex64]:
    """psi exp(-i k delta L + k beta L), L the path in the crystal to a voxel and on from it.

    The wave that a voxel scatters has gained exp(-i k delta L - k beta L); in psi = rho exp(+i Q.u), the conjugate of
    what scatters, the phase stands with the other sign. psi, support (z, y, x). The mean of k delta L moves no atom:
    it is left in, as the phase's zero is free anyhow.
    """
    length_m = (paths(support, -beam.incoming) + paths(support, beam.outgoing)) * voxel_size_m
    exponent = beam.wavenumber_per_m * length_m * (beam.beta - 1j * beam.delta)
    return np.asarray(psi * np.exp(np.where(support, exponent, 0.0)), np.complex64)


def paths(support: BoolArray, direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Length in voxels inside the support on the straight way from each voxel along `direction`, unit (x, y, z).

    support (z, y, x). Marched in steps of half a voxel; a voxel's own half counts. 0 outside.
    """
    step = STEP_VOXELS * np.asarray(direction, np.float64)[::-1]
    return np.asarray(_march(support, step[0], step[1], step[2]) * STEP_VOXELS)


@njit(cache=True, nogil=True)
def _march(support, dz, dy, dx):  # type: ignore[no-untyped-def]
    """Steps inside, from the center of each voxel to the edge of the grid."""
    found = np.zeros(support.shape)
    nz, ny, nx = support.shape
    for i in range(nz):
        for j in range(ny):
            for k in range(nx):
                if not support[i, j, k]:
                    continue
                z, y, x, count = i + 0.5 + 0.5 * dz, j + 0.5 + 0.5 * dy, k + 0.5 + 0.5 * dx, 0
                while 0.0 <= z < nz and 0.0 <= y < ny and 0.0 <= x < nx:
                    count += support[int(z), int(y), int(x)]
                    z, y, x = z + dz, y + dy, x + dx
                found[i, j, k] = count
    return found
