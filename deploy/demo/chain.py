"""The emulated beamline and the service beside it, as one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo_beamline import DemoBeamline

from braggline_service.processes import free_ports
from braggline_service.settings import Settings, load_settings
from braggline_service.stack import Stack

INSTANCE = "main"


@dataclass(frozen=True)
class Chain:
    """A running beamline with a running service."""

    box: DemoBeamline
    stack: Stack
    settings: Settings
    run_dir: Path

    def device(self, name: str) -> str:
        """The full Tango name of BraggIngest, BraggReconstruction or BraggAdvisor."""
        return f"tango://{self.box.tango_host}/id01/{name.lower()}/{INSTANCE}"

    def start_scan(self, intervals: int | None = None, count_time_s: float = 0.1) -> subprocess.Popen[str]:
        """A stock `ascan` of the sample's Bragg peak, by BLISS in a process of its own."""
        scan = self.box.scan
        n = intervals or scan.intervals
        command = [
            str(self.box.bliss_python), "-m", "demo_beamline.scan", "--motor", scan.motor,
            "--start", str(scan.start), "--stop", str(scan.stop), "--intervals", str(n),
            "--count-time", str(count_time_s),
        ]  # fmt: skip
        return subprocess.Popen(command, env=self.box.env, stdout=subprocess.PIPE, text=True)


def scan_result(process: subprocess.Popen[str], timeout_s: float = 600.0) -> dict[str, Any]:
    """Wait for the scan and give what it printed: number, points, duration."""
    out, _ = process.communicate(timeout=timeout_s)
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if process.returncode or not lines:
        raise RuntimeError(f"the scan ended with code {process.returncode}; its log is above")
    return dict(json.loads(lines[-1]))


@contextmanager
def chain(run_dir: Path, sample: str = "platinum", detector: str = "maxipix", **sections: Any) -> Iterator[Chain]:
    """Beamline and service, up while the block runs. `sections`: settings by section, such as jobs={"workers": 2}."""
    run_dir.mkdir(parents=True, exist_ok=True)
    with DemoBeamline(run_dir / "beamline", sample=sample, detector=detector) as box:
        (port,) = free_ports(1)
        overrides = {
            "redis.url": f"redis://127.0.0.1:{port}/0",
            "ingest.blissdata_url": box.blissdata_url,
        } | {f"{section}.{key}": value for section, keys in sections.items() for key, value in keys.items()}
        settings = load_settings(overrides=overrides)
        os.environ["TANGO_HOST"] = box.tango_host
        stack = Stack(settings, run_dir / "service", instance=INSTANCE)
        stack.up()
        try:
            yield Chain(box, stack, settings, run_dir)
        finally:
            stack.down()
