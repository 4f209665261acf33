"""Where the parts of one box are: its folder, its ports, and the environment in which its programs run."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from demo_beamline.venv import BlissVenv

ROOT = Path(__file__).parents[2]
ID01 = ROOT / "config" / "beamlines" / "id01.yaml"  # the emulated beamline, whatever the service is configured for
PORTS = ("beacon", "redis", "redis_data", "web", "tango", "lima", "writer")
SOCKET_PATH_LIMIT = 80
DETECTOR_INSTANCE = "demo"


@dataclass(frozen=True)
class Places:
    """ports: one for each of PORTS, all on the loopback."""

    run_dir: Path
    venv: BlissVenv
    ports: Mapping[str, int]

    @property
    def tango_host(self) -> str:
        return f"127.0.0.1:{self.ports['tango']}"

    @property
    def beacon_host(self) -> str:
        return f"127.0.0.1:{self.ports['beacon']}"

    @property
    def blissdata_url(self) -> str:
        return f"redis://127.0.0.1:{self.ports['redis_data']}"

    @property
    def lima_url(self) -> str:
        """The Tango device that BLISS's Lima controller drives."""
        return f"//{self.tango_host}/id01/limaccds/{DETECTOR_INSTANCE}"

    @property
    def sockets(self) -> Path:
        """A folder whose path is short enough for Unix sockets; always the same for the same run folder."""
        folder = self.run_dir / "sockets"
        if len(str(folder)) > SOCKET_PATH_LIMIT:
            short = hashlib.sha256(str(self.run_dir).encode()).hexdigest()[:12]
            folder = Path(tempfile.gettempdir()) / f"demo-beamline-{short}"
        return folder

    def exports(self) -> dict[str, str]:
        """What a BLISS client process needs on top of its own environment."""
        path = os.pathsep.join([str(self.run_dir / "bin"), str(self.venv.bin), os.environ.get("PATH", os.defpath)])
        return {
            "PATH": path,
            "PYTHONPATH": str(ROOT / "tango_devices"),
            "CONDA_PREFIX": str(self.run_dir / "conda"),
            "BEACON_HOST": self.beacon_host,
            "TANGO_HOST": self.tango_host,
            "BLISSDATA_URL": self.blissdata_url,
        }
