"""python -m demo_beamline up|down|status --run-dir DIR    the beamline in a box, for a person

`up` returns when everything is ready; `up --front` stays until Ctrl-C. In the shell that works with it:
    eval "$(python -m demo_beamline status --run-dir DIR --env)"    then: bliss -s id01 --no-tmux
"""

from __future__ import annotations

import argparse
import json
import logging
import shlex
import signal
import sys
import threading
from pathlib import Path

from braggline_models.errors import BadInput
from braggline_service.processes import AlreadyUp, PartDown, RunFile
from braggline_service.processes.background import down, up_in_background
from demo_beamline.beamline import DemoBeamline


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo_beamline", description=__doc__)
    parser.add_argument("action", choices=["up", "down", "status"])
    parser.add_argument("--run-dir", type=Path, required=True, help="logs, data and state of this beamline")
    parser.add_argument(
        "--sample", default="platinum", help="platinum, simulated, specimen, or a file of recorded frames"
    )
    parser.add_argument("--detector", default="maxipix", choices=["maxipix", "eiger2m"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--extra-beacon", type=Path, help="folder of further Beacon YAML")
    parser.add_argument("--bliss-venv", type=Path)
    parser.add_argument("--front", action="store_true", help="stay in front until Ctrl-C")
    parser.add_argument("--env", action="store_true", help="status: print shell exports")
    given = parser.parse_args(words)
    try:
        return {"up": _up, "down": _down, "status": _status}[given.action](given)
    except (BadInput, PartDown, AlreadyUp) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2 if isinstance(error, BadInput) else 1


def _up(given: argparse.Namespace) -> int:
    if not given.front:
        command = [sys.executable, "-m", "demo_beamline", *sys.argv[1:], "--front"]
        sys.stdout.write(json.dumps(up_in_background(command, given.run_dir)["info"], indent=1) + "\n")
        return 0
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    chosen = {"sample": given.sample, "detector": given.detector, "seed": given.seed}
    with DemoBeamline(given.run_dir, extra_beacon=given.extra_beacon, bliss_venv=given.bliss_venv, **chosen):
        over.wait()
    return 0


def _down(given: argparse.Namespace) -> int:
    sys.stdout.write("stopped\n" if down(given.run_dir) else "nothing ran\n")
    return 0


def _status(given: argparse.Namespace) -> int:
    state = RunFile(given.run_dir).read()
    if not given.env:
        sys.stdout.write(json.dumps(state or {"phase": "down"}, indent=1) + "\n")
    elif state:
        exports = state["info"]["exports"]
        sys.stdout.write("".join(f"export {name}={shlex.quote(value)}\n" for name, value in exports.items()))
    else:
        sys.stderr.write(f"error: nothing runs in {given.run_dir}; start it with `up`\n")
    return 0 if state else 1


if __name__ == "__main__":
    sys.exit(main())
