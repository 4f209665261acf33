"""Displacement and strain along Q in the sample frame."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.special import gamma

from braggline_models.errors import BadInput
from braggline_models.geometry import orthogonalise, voxel_vectors_m
from braggline_models.results import Reconstruction, StrainField
from braggline_models.scan import BoolArray, PreparedVolume
from braggline_models.strain.apodise import apodised
from braggline_models.strain.derivative import directional_derivative
from braggline_models.strain.unwrap import unwrapped

BRIGHT_PERCENTILE = 99.0  # of the voxels above a tenth of the maximum: a maximum that one voxel cannot set
Complex = NDArray[np.complex64]


def strain_field(
    reconstruction: Reconstruction,
    volume: PreparedVolume,
    voxel_size_m: float | None = None,
    isosurface: float = 0.3,
    apodisation: float = 0.4,
) -> StrainField:
    """phase = Q.u, strain = d(phase)/ds / |Q| along Q, d = 2 pi / |Q| (1 + strain), on a cubic grid.

    The phase is counted from the Bragg peak of the volume, so the strain is relative to the crystal's mean lattice.
    `isosurface`: share of the bright amplitude where the crystal ends. `apodisation`: width of the Gaussian by which
    the spectrum is weighed first, in half ranges of q (0: none): a derivative raises the noise near the edge of the
    data, and a sharp edge there rings; within about two voxels of the surface it pulls the strain towards 0. The
    uncertainty is the standard deviation of the strain over the runs, without the bias of few samples; NaN where there
    are fewer than two. It holds what the runs disagree in, not what apodisation takes from all of them alike: in the
    bulk of simulated crystals one deviation covers about 60 % of the errors and two 80 % (68 and 95 were ideal). A
    surface voxel without a neighbor to take a derivative with is NaN too. Raises BadInput where there is no crystal.
    """
    vectors_m = voxel_vectors_m(volume.q_step_per_m, volume.intensity.shape)
    to_peak = _ramp(volume, reconstruction.object_.shape)
    soft = partial(apodised, width=apodisation)
    psi, size_m = orthogonalise(soft(reconstruction.object_ * to_peak), vectors_m, voxel_size_m)
    support = _crystal(psi, isosurface, volume.name)
    q = volume.q_bragg_per_m
    length, direction = float(np.linalg.norm(q)), q / np.linalg.norm(q)
    strain = directional_derivative(psi, support, direction, size_m) / np.float32(length)
    phase_rad = unwrapped(psi, support)
    others = [orthogonalise(soft(run * to_peak), vectors_m, size_m, psi.shape)[0] for run in reconstruction.runs]
    spread = _spread(others, support, direction, size_m, length)
    return StrainField(
        amplitude=np.abs(psi).astype(np.float32),
        phase_rad=phase_rad,
        displacement_m=phase_rad / np.float32(length),
        strain=strain,
        uncertainty=spread,
        d_spacing_m=np.float32(2.0 * np.pi / length) * (1.0 + strain),
        support=support,
        voxel_size_m=size_m,
        q_bragg_per_m=q,
        flags=() if len(others) > 1 else ("no uncertainty: fewer than two runs",),
    )


def _ramp(volume: PreparedVolume, shape: tuple[int, ...]) -> Complex:
    """exp(-i (q_center - q_peak).r): the phase is then counted from the peak and not from the array's center."""
    ramp = np.ones((1, 1, 1), np.complex64)
    for axis, n in enumerate(shape):
        bins = volume.binning[axis]
        peak = (volume.peak_px[axis] - volume.crop_start_px[axis] - (bins - 1) / 2) / bins
        index = np.arange(n) - n // 2
        line = np.exp(-2j * np.pi * index * (volume.intensity.shape[axis] // 2 - peak) / volume.intensity.shape[axis])
        ramp = ramp * line.astype(np.complex64).reshape([-1 if k == axis else 1 for k in range(3)])
    return ramp


def _crystal(psi: Complex, isosurface: float, name: str) -> BoolArray:
    """The largest connected piece above the isosurface."""
    amplitude = np.abs(psi)
    bright = amplitude[amplitude > 0.1 * amplitude.max()]
    if not bright.size:
        raise BadInput(f"{name}: the reconstruction is empty; nothing to map")
    pieces, count = label(amplitude > isosurface * np.percentile(bright, BRIGHT_PERCENTILE))
    if count == 0:
        raise BadInput(f"{name}: no voxel above the isosurface {isosurface}; lower it")
    return np.asarray(pieces == 1 + int(np.argmax(np.bincount(pieces.ravel())[1:])))


def _spread(
    others: list[Complex], support: BoolArray, direction: NDArray[np.float64], size_m: float, length: float
) -> NDArray[np.float32]:
    if len(others) < 2:
        return np.full(support.shape, np.nan, np.float32)
    strains = [directional_derivative(run, support, direction, size_m) / np.float32(length) for run in others]
    n = len(strains)
    bias = np.sqrt(2.0 / (n - 1)) * gamma(n / 2) / gamma((n - 1) / 2)  # of the deviation of n samples: 0.89 for 3
    return (np.std(np.stack(strains), axis=0, ddof=1, dtype=np.float64) / bias).astype(np.float32)
