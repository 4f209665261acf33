"""The emulated beamline and the service beside it, as one."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from braggline_service.settings import load_settings
from braggline_service.stack import Stack
from demo_beamline import DemoBeamline

SCAN = Path(__file__).parents[1] / "demo_beamline" / "scan.py"
CONFIG = Path(__file__).parents[2] / "config"


PLATINUM = (
    "platinum",
    "simulated",
    "specimen",
)  # all at the angles of a (111); their patterns are made without refraction


@dataclass(frozen=True)
class Chain:
    """A running beamline with a running service."""

    box: DemoBeamline
    stack: Stack
    run_dir: Path

    def device(self, name: str) -> str:
        """The full Tango name of BraggIngest, BraggReconstruction or BraggAdvisor."""
        return f"tango://{self.box.tango_host}/id01/{name.lower()}/main"

    def start_scan(self, intervals: int | None = None, count_time_s: float | None = None) -> subprocess.Popen[str]:
        """A stock `ascan` over the sample's Bragg peak, by BLISS in a process of its own."""
        scan = self.box.sample.scan
        words = [scan.motor, scan.start, scan.stop, intervals or scan.intervals, count_time_s or scan.count_time_s]
        command = [str(self.box.bliss_python), str(SCAN), *map(str, words)]
        with (self.run_dir / "bliss.log").open("a") as log:
            return subprocess.Popen(command, env=self.box.env, stdout=subprocess.PIPE, stderr=log, text=True)


def scan_result(process: subprocess.Popen[str], timeout_s: float = 600.0) -> dict[str, Any]:
    """Wait for the scan and give what it printed: number, npoints, state, duration_s."""
    out, _ = process.communicate(timeout=timeout_s)
    lines = [line for line in out.splitlines() if line.startswith("{")]
    if process.returncode or not lines:
        raise RuntimeError(f"the scan ended with code {process.returncode}: bliss.log of the run folder says why")
    return dict(json.loads(lines[-1]))


@contextmanager
def chain(
    run_dir: Path, sample: str = "platinum", detector: str = "maxipix", overrides: Mapping[str, Any] | None = None
) -> Iterator[Chain]:
    """Beamline and service, up while the block runs. `overrides`: settings such as {"jobs.workers": 2}."""
    run_dir.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(run_dir / "service" / "redis", ignore_errors=True)  # scans that an earlier run left open
    beacon = CONFIG / "beacon"
    sample = str(Path(sample).resolve()) if Path(sample).exists() else sample
    with DemoBeamline(run_dir / "beamline", sample=sample, detector=detector, extra_beacon=beacon) as box:
        known = {"sample.reflection": [1, 1, 1]} if sample in PLATINUM else {}
        settings = load_settings(overrides={"ingest.blissdata_url": box.blissdata_url, **known, **(overrides or {})})
        with Stack(settings, run_dir / "service", tango_host=box.tango_host) as stack:
            yield Chain(box, stack, run_dir)
