"""python -m demo [--sample platinum|simulated|specimen|FILE] [--detector maxipix|eiger2m] [--summary FILE]

A stock BLISS scan of a crystal with the service beside it, and the same scan without, for comparison.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import tango

from braggline_models.errors import BadInput
from demo.chain import Chain, chain, scan_result
from demo.summary import summary, told
from demo.watch import Picture, Watch

FINAL_TIMEOUT_S = 300.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description="the whole chain on an emulated beamline")
    parser.add_argument(
        "--sample", default="platinum", help="platinum, simulated, specimen, or a file of recorded frames"
    )
    parser.add_argument("--detector", default="maxipix", choices=["maxipix", "eiger2m"])
    parser.add_argument("--run-dir", type=Path, default=Path("var/demo"))
    parser.add_argument("--count-time", type=float, default=None, help="exposure of a frame, s")
    parser.add_argument("--no-comparison", action="store_true", help="leave out the scan without the service")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object and nothing else")
    given = parser.parse_args()
    say = (lambda text: None) if given.json else _say
    try:
        say(f"starting the emulated beamline (sample {given.sample}) and the service")
        with chain(given.run_dir.resolve(), given.sample, given.detector) as running:
            result = measure(running, given.count_time, not given.no_comparison, say)
    except (BadInput, RuntimeError) as error:
        sys.stderr.write(f"demo: {error}\n")
        return 2 if isinstance(error, BadInput) else 1
    path = given.run_dir / "summary.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    sys.stdout.write(json.dumps(result) + "\n" if given.json else told(result, path))
    return 0


def measure(running: Chain, count_time_s: float | None, compare: bool, say: Any) -> dict[str, Any]:
    """Scan once without the service looking and once with it; gives the summary."""
    ingest = tango.DeviceProxy(running.device("BraggIngest"))
    without: dict[str, Any] = {}
    if compare:
        say("scanning once with the ingest disabled, to know how long the scan takes by itself")
        ingest.Enabled = False
        without = scan_result(running.start_scan(count_time_s=count_time_s))
        ingest.Enabled = True
    say(f"BLISS: {running.box.describe()['scan']}")
    reconstruction = tango.DeviceProxy(running.device("BraggReconstruction"))
    watch = Watch(reconstruction, lambda picture: say(_line(picture)))
    process = running.start_scan(count_time_s=count_time_s)
    scan = scan_result(process)
    scan_ended_s = watch.now()
    say(f"BLISS: scan {scan['number']} is over after {scan['duration_s']:.1f} s")
    if not watch.final.wait(FINAL_TIMEOUT_S):
        raise RuntimeError(f"no final result {FINAL_TIMEOUT_S:.0f} s after the scan: {reconstruction.status()}")
    watch.close()
    return summary(running, scan, without, watch.pictures, scan_ended_s)


def _line(picture: Picture) -> str:
    return (
        f"Tango: strain map after {picture.frames_used} frames, strain rms {picture.strain_rms:.2e} "
        f"({picture.stage}, {picture.quality.removeprefix('ATTR_').lower()})"
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
