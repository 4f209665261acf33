"""Displacement and strain along Q in a named frame."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from braggline_models.geometry import orthogonalise, voxel_vectors_m
from braggline_models.results import Reconstruction, StrainField
from braggline_models.scan import BoolArray, PreparedVolume
from braggline_models.strain.apodise import apodised
from braggline_models.strain.crystal import bulk_amplitude, crystal
from braggline_models.strain.derivative import directional_derivative
from braggline_models.strain.frames import SAMPLE, Frame
from braggline_models.strain.refraction import beam_of, corrected
from braggline_models.strain.uncertainty import combined, counting_noise, spread
from braggline_models.strain.unwrap import unwrapped

Complex = NDArray[np.complex64]
BLUNTER = 0.75  # the strain of a narrower window tells what the window takes away
NO_RUNS = "no uncertainty: fewer than two runs"


@dataclass(frozen=True)
class MapOptions:
    """isosurface: share of the bulk's amplitude where the crystal ends; 0: half, where a blurred sharp surface lies.

    apodisation: width of the Gaussian that weighs the spectrum, in half ranges of q (0: none): a derivative raises the
    noise near the edge of the data, and a sharp edge there rings; near the surface it pulls the strain towards 0.
    material: symbol of the metal whose refraction and absorption are taken out; empty: they stay in.
    """

    isosurface: float = 0.0
    apodisation: float = 0.4
    voxel_size_m: float | None = None
    material: str = ""
    threads: int = 1


def strain_field(
    reconstruction: Reconstruction,
    volume: PreparedVolume,
    options: MapOptions | None = None,
    frame: Frame = SAMPLE,
) -> StrainField:
    """phase = Q.u, strain = d(phase)/ds / |Q| along Q, d = 2 pi / |Q| (1 + strain), on a cubic grid.

    The phase is counted from the Bragg peak of the volume, so the strain is relative to the crystal's mean lattice.
    The amplitude is 1 in the bulk. The uncertainty is one standard deviation of the strain: what the runs differ in,
    the counts' Poisson noise, and what the apodisation takes away, told by a narrower one; `braggline bench truth`
    prints how much of the true error it covers. NaN where there are fewer than two runs, and for a surface voxel
    without a neighbor to take a derivative with. Raises BadInput where there is no crystal.
    """
    options = options or MapOptions()
    psi, size_m = gridded(reconstruction.object_, volume, options, frame)
    bulk = bulk_amplitude(np.abs(psi), volume.name)
    psi /= np.float32(bulk)
    support = crystal(np.abs(psi), options.isosurface, volume.name)
    if options.material:
        psi = corrected(psi, support, size_m, beam_of(volume, options.material, frame.rotation))
    q = frame.rotation @ volume.q_bragg_per_m
    length = float(np.linalg.norm(q))
    strain = _strain(psi, support, q, size_m)
    phase_rad = unwrapped(psi, support)
    return StrainField(
        amplitude=np.abs(psi).astype(np.float32),
        phase_rad=phase_rad,
        displacement_m=phase_rad / np.float32(length),
        strain=strain,
        uncertainty=_uncertainty(reconstruction, volume, options, frame, np.abs(psi) * bulk, support, size_m),
        d_spacing_m=np.float32(2.0 * np.pi / length) * (1.0 + strain),
        support=support,
        voxel_size_m=size_m,
        q_bragg_per_m=q,
        frame=frame.name,
        flags=() if len(reconstruction.runs) > 1 else (NO_RUNS,),
    )


def gridded(
    object_: Complex,
    volume: PreparedVolume,
    options: MapOptions,
    frame: Frame = SAMPLE,
    shape: tuple[int, int, int] | None = None,
) -> tuple[Complex, float]:
    """The apodised object on the frame's cubic grid (z, y, x), its phase from the Bragg peak; and the voxel in m."""
    vectors_m = frame.rotation @ voxel_vectors_m(volume.q_step_per_m, volume.intensity.shape)
    soft = apodised(object_ * _to_peak(volume, object_.shape), options.apodisation)
    return orthogonalise(soft, vectors_m, options.voxel_size_m, shape)


def _strain(psi: Complex, support: BoolArray, q: NDArray[np.float64], size_m: float) -> NDArray[np.float32]:
    length = float(np.linalg.norm(q))
    return np.asarray(directional_derivative(psi, support, q / length, size_m) / np.float32(length))


def _uncertainty(
    reconstruction: Reconstruction,
    volume: PreparedVolume,
    options: MapOptions,
    frame: Frame,
    amplitude: NDArray[np.floating],
    support: BoolArray,
    size_m: float,
) -> NDArray[np.float32]:
    if len(reconstruction.runs) < 2:
        return np.full(support.shape, np.nan, np.float32)
    q = frame.rotation @ volume.q_bragg_per_m
    same = replace(options, voxel_size_m=size_m)

    def strain_of(object_: Complex, given: MapOptions) -> NDArray[np.float32]:
        return _strain(gridded(object_, volume, given, frame, support.shape)[0], support, q, size_m)

    blunt = replace(same, apodisation=BLUNTER * options.apodisation)
    tasks = [(reconstruction.object_, same), (reconstruction.object_, blunt)]
    tasks += [(run, same) for run in reconstruction.runs]
    with ThreadPoolExecutor(options.threads) as pool:
        here, there, *strains = pool.map(lambda task: strain_of(*task), tasks)
    of_runs, bias = spread(strains), there - here
    counts = counting_noise(volume, options.apodisation) / np.where(support, amplitude, np.nan)
    return combined(of_runs, bias, counts)


def _to_peak(volume: PreparedVolume, shape: tuple[int, ...]) -> Complex:
    """exp(-i (q_center - q_peak).r): the phase is then counted from the peak and not from the array's center."""
    ramp = np.ones((1, 1, 1), np.complex64)
    for axis, n in enumerate(shape):
        bins = volume.binning[axis]
        peak = (volume.peak_px[axis] - volume.crop_start_px[axis] - (bins - 1) / 2) / bins
        index = np.arange(n) - n // 2
        line = np.exp(-2j * np.pi * index * (volume.intensity.shape[axis] // 2 - peak) / volume.intensity.shape[axis])
        ramp = ramp * line.astype(np.complex64).reshape([-1 if k == axis else 1 for k in range(3)])
    return ramp
