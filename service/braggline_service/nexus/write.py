"""Writes a result at the paths of the contract.

/entry_1/detector_frame   the complex object on the detector's own grid
/entry_1/sample_frame     maps on a cubic grid (z, y, x);  lab_frame, crystal_frame  the same where they are known
/entry_1/strain_xy  ..    central slices, the default plot
/entry_1/quality  statistics  facets  defects  recommendation  process  rocking_curve  diffraction
/entry_1/sample  instrument  icat
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import h5py

from braggline_service.nexus.atomic import written_whole
from braggline_service.nexus.facets import write_facets
from braggline_service.nexus.frames import write_frame
from braggline_service.nexus.groups import axis, group, texts
from braggline_service.nexus.icat import write_icat
from braggline_service.nexus.origin import write_instrument, write_sample
from braggline_service.nexus.packed import packed
from braggline_service.nexus.pictures import write_pictures
from braggline_service.nexus.quality import write_quality
from braggline_service.nexus.scan_result import ScanResult
from braggline_service.nexus.statistics import write_statistics
from braggline_service.nexus.vti import write_vti


def write_result(path: Path, result: ScanResult) -> Path:
    """The file at `path`, whole or not at all, and PATH.vti for ParaView beside it. BadInput where it cannot be."""
    with written_whole(path) as part, h5py.File(part, "w") as file:
        file.attrs.update({"default": "entry_1", "NX_class": "NXroot", "creator": "braggline", "file_name": path.name})
        entry = group(file, "entry_1", "NXentry", default="strain_xy")
        entry["title"] = result.name
        entry["definition"] = "NXcxi"
        entry["end_time"] = datetime.now(UTC).isoformat()
        _maps(entry, result)
        _measured(entry, result)
        write_quality(group(entry, "quality", "NXdata", signal="prtf"), result)
        write_statistics(group(entry, "statistics", "NXcollection"), result)
        write_facets(group(entry, "facets", "NXcollection"), result.facets)
        _defects(group(entry, "defects", "NXcollection"), result)
        _process(group(entry, "process", "NXprocess"), result)
        advice = asdict(result.recommendation) if result.recommendation else {}
        entry["recommendation"] = json.dumps(advice, default=dict)
        write_icat(entry, result, path)
    write_vti(path.with_suffix(".vti"), result.strain, result.facets.labels, result.lattice_per_spacing)
    return path


def _maps(entry: h5py.Group, result: ScanResult) -> None:
    _detector_frame(group(entry, "detector_frame", "NXcollection"), result)
    for field in (result.strain, *result.frames.values()):
        write_frame(entry, field, result.lattice_per_spacing)
    write_pictures(entry, result.strain)


def _measured(entry: h5py.Group, result: ScanResult) -> None:
    _rocking_curve(group(entry, "rocking_curve", "NXdata", signal="counts"), result)
    _diffraction(group(entry, "diffraction", "NXdata", signal="intensity"), result)
    write_sample(group(entry, "sample", "NXsample"), result.sample, result.name)
    write_instrument(group(entry, "instrument", "NXinstrument"), result.volume)


def _detector_frame(place: h5py.Group, result: ScanResult) -> None:
    reconstruction, volume = result.reconstruction, result.volume
    packed(place, "object", reconstruction.object_, "")
    packed(place, "support", reconstruction.support, "")
    place.attrs["fft_shape"] = volume.intensity.shape
    place.attrs["crop_start_px"] = volume.crop_start_px
    place.attrs["binning"] = volume.binning
    place.attrs["voxel_axes"] = ["frame", "row", "column"]
    place.attrs["q_bragg_per_m"] = volume.q_bragg_per_m
    place.attrs["q_step_per_m"] = volume.q_step_per_m
    place.attrs["peak_px"] = volume.peak_px
    place.attrs["sign"] = "phase = +Q.u; |FFT(conj(object))|^2, centered, is the intensity"


def _defects(place: h5py.Group, result: ScanResult) -> None:
    place.attrs["searched"] = result.defects.searched
    for name, found in (("lines", result.defects.lines), ("planes", result.defects.planes)):
        every = group(place, name, "NXcollection")
        for number, defect in enumerate(found):
            one = group(every, f"{number:03d}", "NXcollection")
            one.create_dataset("position_m", data=defect.position_m).attrs["units"] = "m"
            one.attrs.update({"kind": defect.kind, "g_dot_b": defect.g_dot_b, "confidence": defect.confidence})
            one.attrs["direction"] = defect.direction


def _rocking_curve(place: h5py.Group, result: ScanResult) -> None:
    place.create_dataset("counts", data=result.rocking_curve).attrs["units"] = "counts"
    axis(place, "angle", result.positions, result.scanned_unit)  # an energy scan keeps the name
    place.attrs["axes"] = ["angle"]
    if result.monitor is not None:
        place.create_dataset("monitor", data=result.monitor).attrs["units"] = ""


def _diffraction(place: h5py.Group, result: ScanResult) -> None:
    packed(place, "intensity", result.volume.intensity, "counts")
    packed(place, "mask", result.volume.mask).attrs["long_name"] = "1 where a voxel is no data"
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
