"""python -m demo_beamline.lima CONFIG.json    the emulated LimaCCDs, a Tango server in the service's environment

CONFIG: instance, sample, detector, seed, beacon_redis_port, buffer_frames, port. TANGO_HOST names the database.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from redis import Redis
from tango.server import run

from braggline_models.errors import BadInput
from demo_beamline.lima.axes import AxisPositions
from demo_beamline.lima.device import LimaCCDs
from demo_beamline.lima.plugins import QuietPlugin, RoiCounterPlugin, UnavailablePlugin
from demo_beamline.lima.setup import Setup
from demo_beamline.samples import load_sample


def main(config_file: str) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = json.loads(Path(config_file).read_text())
    try:
        sample = load_sample(config["sample"], config["detector"], config["seed"])
    except BadInput as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    axes = AxisPositions(Redis(port=config["beacon_redis_port"]), sample.home)
    LimaCCDs.setup = Setup(config["instance"], sample, axes, config["buffer_frames"])
    LimaCCDs.setup.register()
    endpoint = f"giop:tcp:127.0.0.1:{config['port']}"
    run(
        (LimaCCDs, RoiCounterPlugin, UnavailablePlugin, QuietPlugin),
        args=["LimaCCDs", config["instance"], "-ORBendPoint", endpoint],
        raises=True,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
