"""What ESRF's data portal (ICAT) should know of a result, under the names of its definitions (hdf5_cfg.xml).

The file keeps it in /entry_1/icat: attributes `beamline`, `proposal`, `dataset`, `path`, `raw` and, in the group
`metadata`, one attribute a name. These are the arguments of pyicat-plus, which braggline itself never calls:

    IcatClient(metadata_urls=[...]).store_processed_data(**icat_dataset(result, path))

Energies are in keV, as the definitions have it. What is not known is left out: beamline and proposal where the path
is not ESRF's (/data/visitor/PROPOSAL/BEAMLINE/SESSION/PROCESSED_DATA/...), raw where it is outside PROCESSED_DATA.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py

from braggline_service.nexus.groups import group
from braggline_service.nexus.place import PROCESSED, RAW
from braggline_service.nexus.scan_result import ScanResult

TECHNIQUE, TECHNIQUE_PID = "BCDI", "https://w3id.org/PaN/ESRFET#BCDI"  # of ESRF's ontology of techniques


def icat_dataset(result: ScanResult, path: Path) -> dict[str, Any]:
    """The arguments of store_processed_data for `result` written at `path`."""
    path = path.absolute()
    metadata = icat_metadata(result)
    told: dict[str, Any] = {"dataset": path.stem, "path": str(path.parent), "metadata": metadata}
    parts = path.parts
    if "visitor" in parts[:-3]:
        at = parts.index("visitor")
        told |= {"proposal": parts[at + 1], "beamline": parts[at + 2]}
    if PROCESSED in parts:
        at = len(parts) - 1 - parts[::-1].index(PROCESSED)
        below = [part for part in parts[at + 1 : -1] if part != "braggline"]
        told["raw"] = [str(Path(*parts[:at], RAW, *below))]
        metadata["Sample_name"] = below[0] if below else result.name  # RAW_DATA/SAMPLE/SAMPLE_DATASET/...
    return told


def icat_metadata(result: ScanResult) -> dict[str, str | float]:
    """Names of ICAT to text or number."""
    made, quality = result.provenance, result.reconstruction.quality
    note = f"recipe {made.recipe_hash}, seed {made.seed}, {quality.runs_kept} of {quality.runs_total} runs kept"
    told: dict[str, str | float] = {
        "Sample_name": result.name,
        "Sample_description": _sample(result),
        "Sample_chemical_formula": result.sample.material,
        "definition": TECHNIQUE,
        "technique_pid": TECHNIQUE_PID,
        "InstrumentMonochromator_energy": result.volume.energy_eV / 1e3,
        "Process_program": made.program,
        "Process_version": made.version,
        "Process_note": f"{note}; resolution {quality.resolution_m * 1e9:.1f} nm",
    }
    return {name: value for name, value in told.items() if value != "" and not _unknown(value)}


def write_icat(entry: h5py.Group, result: ScanResult, path: Path) -> None:
    """/entry_1/icat."""
    told = icat_dataset(result, path)
    place = group(entry, "icat", "NXcollection")
    group(place, "metadata", "NXcollection").attrs.update(told.pop("metadata"))
    place.attrs.update(told)


def read_icat(path: Path) -> dict[str, Any]:
    """The arguments of store_processed_data, from the file at `path`."""
    with h5py.File(path, "r", locking=False) as file:
        place = file["entry_1/icat"]
        told = {name: _plain(value) for name, value in place.attrs.items() if name != "NX_class"}
        kept = {name: _plain(value) for name, value in place["metadata"].attrs.items() if name != "NX_class"}
    return told | {"metadata": kept}


def _sample(result: ScanResult) -> str:
    if (hkl := result.sample.reflection) is None:
        return ""
    return f"{result.sample.material or 'crystal'}, reflection {' '.join(str(index) for index in hkl)}"


def _unknown(value: str | float) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
