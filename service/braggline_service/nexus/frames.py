"""Maps of one crystal in one frame of reference: /entry_1/sample_frame, lab_frame, crystal_frame."""

from __future__ import annotations

import h5py
import numpy as np

from braggline_models.results import StrainField
from braggline_service.nexus.groups import axis, group, read_texts, texts
from braggline_service.nexus.packed import packed

# name in the file: field of StrainField and its units
MAPS = {
    "strain": ("strain", ""),
    "amplitude": ("amplitude", ""),
    "phase": ("phase_rad", "rad"),
    "displacement": ("displacement_m", "m"),
    "strain_uncertainty": ("uncertainty", ""),
    "d_spacing": ("d_spacing_m", "m"),
}
FRAME_AXES = {
    "sample": "x along the beam, y outboard, z up, when the sample circles stand at 0",
    "lab": "x along the beam, y outboard, z up, with the crystal at the angles of its Bragg peak",
    "crystal": "x, y, z along the crystal's [100], [010], [001]",
}
SUFFIX = "_frame"


def write_frame(entry: h5py.Group, field: StrainField, lattice_per_spacing: float | None) -> None:
    """NAME_frame: every map (z, y, x) with its units, axes in nm; `lattice_parameter` in m where the ratio is known."""
    place = group(entry, field.frame + SUFFIX, "NXdata", signal="strain")
    for name, (attribute, units) in MAPS.items():
        dataset = packed(place, name, getattr(field, attribute), units)
        dataset.attrs["long_name"] = f"{name} ({units})" if units else name
    if lattice_per_spacing is not None:
        lattice = packed(place, "lattice_parameter", field.d_spacing_m * np.float32(lattice_per_spacing), "m")
        lattice.attrs["long_name"] = "lattice parameter along Q (m)"
    packed(place, "support", field.support, "")
    for name, length in zip("zyx", field.support.shape, strict=True):
        axis(place, name, np.arange(length) * field.voxel_size_m * 1e9, "nm")
    place.attrs["axes"] = ["z", "y", "x"]
    place.attrs["voxel_size_m"] = [field.voxel_size_m] * 3
    place.attrs["frame"] = field.frame
    place.attrs["frame_axes"] = FRAME_AXES.get(field.frame, "")
    place.attrs["q_bragg_per_m"] = field.q_bragg_per_m
    texts(place, "flags", field.flags)


def read_frame(place: h5py.Group) -> StrainField:
    """The maps of one such group."""
    return StrainField(
        **{attribute: place[name][()] for name, (attribute, _) in MAPS.items()},
        support=place["support"][()].astype(bool),
        voxel_size_m=float(place.attrs["voxel_size_m"][0]),
        q_bragg_per_m=place.attrs["q_bragg_per_m"],
        frame=str(place.attrs["frame"]),
        flags=read_texts(place["flags"]),
    )


def read_further_frames(entry: h5py.Group) -> dict[str, StrainField]:
    """Every frame but the sample's, by its name; files of before there were any have none."""
    names = [name for name in entry if name.endswith(SUFFIX) and name not in ("sample_frame", "detector_frame")]
    return {field.frame: field for field in (read_frame(entry[name]) for name in names)}
