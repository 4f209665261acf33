"""Writes a result at the paths of the contract.

/entry_1/detector_frame   the complex object on the detector's own grid
/entry_1/sample_frame     maps on a cubic grid (z, y, x)
/entry_1/strain_xy  ..    central slices, the default plot
/entry_1/quality  defects  recommendation  process  rocking_curve  diffraction
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np

from braggline_models.results import StrainField
from braggline_service.nexus.atomic import written_whole
from braggline_service.nexus.groups import PACKED, axis, group, texts
from braggline_service.nexus.pictures import write_pictures
from braggline_service.nexus.quality import write_quality
from braggline_service.nexus.scan_result import ScanResult
from braggline_service.nexus.vti import write_vti

MAPS = {
    "strain": ("strain", ""),
    "amplitude": ("amplitude", ""),
    "phase": ("phase_rad", "rad"),
    "displacement": ("displacement_m", "m"),
    "strain_uncertainty": ("uncertainty", ""),
    "d_spacing": ("d_spacing_m", "m"),
}


def write_result(path: Path, result: ScanResult) -> Path:
    """The file at `path`, whole or not at all, and PATH.vti for ParaView beside it. BadInput where it cannot be."""
    with written_whole(path) as part, h5py.File(part, "w") as file:
        file.attrs.update({"default": "entry_1", "NX_class": "NXroot", "creator": "braggline", "file_name": path.name})
        entry = group(file, "entry_1", "NXentry", default="strain_xy")
        entry["title"] = result.name
        entry["definition"] = "NXcxi"
        entry["end_time"] = datetime.now(UTC).isoformat()
        _detector_frame(group(entry, "detector_frame", "NXcollection"), result)
        _sample_frame(group(entry, "sample_frame", "NXdata", signal="strain"), result.strain)
        write_pictures(entry, result.strain)
        write_quality(group(entry, "quality", "NXdata", signal="prtf"), result)
        _defects(group(entry, "defects", "NXcollection"), result)
        _rocking_curve(group(entry, "rocking_curve", "NXdata", signal="counts"), result)
        _diffraction(group(entry, "diffraction", "NXdata", signal="intensity"), result)
        _process(group(entry, "process", "NXprocess"), result)
        advice = asdict(result.recommendation) if result.recommendation else {}
        entry["recommendation"] = json.dumps(advice, default=dict)
    write_vti(path.with_suffix(".vti"), result.strain)
    return path


def _detector_frame(place: h5py.Group, result: ScanResult) -> None:
    reconstruction, volume = result.reconstruction, result.volume
    place.create_dataset("object", data=reconstruction.object_, **PACKED).attrs["units"] = ""
    place.create_dataset("support", data=reconstruction.support.astype(np.uint8), **PACKED).attrs["units"] = ""
    place.attrs["fft_shape"] = volume.intensity.shape
    place.attrs["crop_start_px"] = volume.crop_start_px
    place.attrs["binning"] = volume.binning
    place.attrs["voxel_axes"] = ["frame", "row", "column"]
    place.attrs["q_bragg_per_m"] = volume.q_bragg_per_m
    place.attrs["q_step_per_m"] = volume.q_step_per_m
    place.attrs["peak_px"] = volume.peak_px
    place.attrs["sign"] = "phase = +Q.u; |FFT(conj(object))|^2, centered, is the intensity"


def _sample_frame(place: h5py.Group, strain: StrainField) -> None:
    for name, (field, units) in MAPS.items():
        dataset = place.create_dataset(name, data=getattr(strain, field), **PACKED)
        dataset.attrs["units"] = units
        dataset.attrs["long_name"] = f"{name} ({units})" if units else name
    place.create_dataset("support", data=strain.support.astype(np.uint8), **PACKED).attrs["units"] = ""
    for name, length in zip("zyx", strain.support.shape, strict=True):
        axis(place, name, np.arange(length) * strain.voxel_size_m * 1e9, "nm")
    place.attrs["axes"] = ["z", "y", "x"]
    place.attrs["voxel_size_m"] = [strain.voxel_size_m] * 3
    place.attrs["frame"] = strain.frame
    place.attrs["q_bragg_per_m"] = strain.q_bragg_per_m
    place.attrs["frame_axes"] = "x along the beam, y outboard, z up, when the sample circles stand at 0"
    texts(place, "flags", strain.flags)


def _defects(place: h5py.Group, result: ScanResult) -> None:
    place.attrs["searched"] = result.defects.searched
    lines = group(place, "lines", "NXcollection")
    for number, defect in enumerate(result.defects.lines):
        line = group(lines, f"{number:03d}", "NXcollection")
        line.create_dataset("position_m", data=defect.position_m).attrs["units"] = "m"
        line.attrs.update({"kind": defect.kind, "g_dot_b": defect.g_dot_b, "confidence": defect.confidence})
        line.attrs["direction"] = defect.direction


def _rocking_curve(place: h5py.Group, result: ScanResult) -> None:
    place.create_dataset("counts", data=result.rocking_curve).attrs["units"] = "counts"
    axis(place, "angle", result.rocking_angle_deg, "deg")
    place.attrs["axes"] = ["angle"]
    if result.monitor is not None:
        place.create_dataset("monitor", data=result.monitor).attrs["units"] = ""


def _diffraction(place: h5py.Group, result: ScanResult) -> None:
    place.create_dataset("intensity", data=result.volume.intensity, **PACKED).attrs["units"] = "counts"
    place.create_dataset("mask", data=result.volume.mask.astype(np.uint8), **PACKED)
    place["mask"].attrs["long_name"] = "1 where a voxel is no data"
    texts(place, "flags", result.volume.flags)


def _process(place: h5py.Group, result: ScanResult) -> None:
    made, reconstruction = result.provenance, result.reconstruction
    place["program"] = made.program
    place["version"] = made.version
    place["recipe"] = json.dumps(dict(reconstruction.recipe))
    place["recipe_hash"] = made.recipe_hash
    place["seed"] = made.seed
    texts(place, "input", made.parents)
    place["cleaning"] = json.dumps([asdict(step) for step in result.volume.cleaning])
    place["iterations"] = reconstruction.iterations
    place["final"] = reconstruction.final
    place.create_dataset("elapsed_s", data=result.elapsed_s).attrs["units"] = "s"
