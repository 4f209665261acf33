"""/entry_1/sample and /entry_1/instrument: what was measured, with which beam."""

from __future__ import annotations

from dataclasses import replace

import h5py

from braggline_models.scan import PreparedVolume, Sample
from braggline_service.nexus.groups import group, read_text, scalar


def write_sample(place: h5py.Group, sample: Sample, name: str) -> None:
    """Material, reflection and in-plane direction; what is not known is left out."""
    place["name"] = name
    if sample.material:
        place["material"] = sample.material
    for key in ("reflection", "in_plane"):
        if (direction := getattr(sample, key)) is not None:
            place[key] = direction


def read_sample(place: h5py.Group) -> Sample:
    """The sample as it was."""
    material = read_text(place["material"]) if "material" in place else ""
    return Sample(material, *(_direction(place, key) for key in ("reflection", "in_plane")))


def write_instrument(place: h5py.Group, volume: PreparedVolume) -> None:
    """The beam's energy (eV), the turn from sample to laboratory at the peak, the error of the straight q grid."""
    beam = group(place, "beam", "NXbeam")
    scalar(beam, "incident_energy", volume.energy_eV, "eV")
    scalar(place, "linearisation_error", volume.linearisation_error)
    place["linearisation_error"].attrs["long_name"] = "largest |q - linearised q| over the length of q's diagonal"
    place.create_dataset("sample_to_lab", data=volume.sample_to_lab).attrs["units"] = ""


def with_instrument(place: h5py.Group, volume: PreparedVolume) -> PreparedVolume:
    """`volume` with its beam."""
    return replace(
        volume,
        energy_eV=float(place["beam/incident_energy"][()]),
        sample_to_lab=place["sample_to_lab"][()],
        linearisation_error=float(place["linearisation_error"][()]),
    )


def _direction(place: h5py.Group, key: str) -> tuple[int, int, int] | None:
    return tuple(int(v) for v in place[key][()]) if key in place else None  # type: ignore[return-value]
