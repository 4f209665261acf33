"""RUN/beacon: the configuration of the emulated ID01, as Beacon reads it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from demo_beamline.samples import Sample

SESSION = "id01"
STEPS_PER_UNIT = 10_000
UNITS = {"pix": "um", "piy": "um", "piz": "um", "mononrj": "keV", "energy": "eV"}
SETUP = Path(__file__).parent / "session_setup.py"
METADATA = "demo_metadata"


def write_beacon(folder: Path, sample: Sample, lima: str, raw_data: Path, extra: Path | None) -> None:
    """Write the whole configuration anew; `extra` is a folder of more of it, whose objects join the session.

    $simdet and $eta there become this sample's own detector and rocking motor.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tango").mkdir(parents=True)
    more = _copied(extra, folder / "extra", sample) if extra is not None else []
    detector = sample.detector.bliss_name
    objects = [*sample.home, "diode", detector, *more]
    _write(
        folder / "__init__.yml",
        {"instrument": SESSION, "beamline": SESSION, "scan_saving": {"class": "BasicScanSaving"}},
    )
    _write(folder / "motors/__init__.yml", {"plugin": "emotion"})
    _write(folder / "motors/mock.yml", [{"class": "mockup", "axes": [_axis(name) for name in sample.home]}])
    _write(folder / "counters.yml", list(_counters(detector, lima)))
    _write(folder / "metadata.yml", [{"name": METADATA, **metadata(sample), "raw_data": str(raw_data)}])
    _write(folder / "sessions/__init__.yml", {"plugin": "session"})
    session = {"class": "Session", "name": SESSION, "setup-file": f"./{SESSION}_setup.py", "config-objects": objects}
    _write(folder / f"sessions/{SESSION}.yml", [session])
    shutil.copy(SETUP, folder / f"sessions/{SESSION}_setup.py")


def metadata(sample: Sample) -> dict[str, Any]:
    """What every scan's information carries about the detector and the beam, under the names of ID01's files."""
    detector = sample.detector
    row, column = detector.beam_center_px
    return {
        "beamline": sample.beamline,
        "detector": detector.bliss_name,
        "geometry": {
            "distance": detector.distance_m,
            "beam_center_x": column,
            "beam_center_y": row,
            "x_pixel_size": detector.pixel_size_m,
            "y_pixel_size": detector.pixel_size_m,
        },
        "energy_eV": sample.energy_eV,
        "motors": list(sample.home),
    }


def _copied(source: Path, target: Path, sample: Sample) -> list[str]:
    """Copy further configuration, its references to ID01's usual detector and motor turned; gives its objects."""
    shutil.copytree(source, target)
    own = {"$simdet": f"${sample.detector.bliss_name}", "$eta": f"${sample.scan.motor}"}
    names: list[str] = []
    for file in sorted(target.glob("**/*.yml")):
        text = re.sub(r"\$(?:simdet|eta)\b", lambda found: own[found[0]], file.read_text())
        file.write_text(text)
        names += _names(yaml.safe_load(text))
    return names


def _axis(name: str) -> dict[str, Any]:
    fast = 1e5 if name == "energy" else 100
    motion = {"steps_per_unit": STEPS_PER_UNIT, "velocity": fast, "acceleration": 10 * fast}
    return {"name": name, **motion, "unit": UNITS.get(name, "deg")}


def _counters(detector: str, lima: str) -> Iterator[dict[str, Any]]:
    yield {"name": "diode", "plugin": "bliss", "class": "simulation_diode"}
    yield {"name": detector, "plugin": "bliss", "class": "Lima", "tango_url": lima}


def _names(content: Any) -> Iterator[str]:
    """The objects that a configuration file defines at its top."""
    for item in content if isinstance(content, list) else [content]:
        if isinstance(item, dict) and "name" in item:
            yield item["name"]


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
