"""Run by BLISS's own Python: rocks with the approved advice until Ctrl-C comes, then rocks again. Prints JSON lines."""

import bliss  # noqa: F401, I001  first of all: it patches the standard library for gevent

import json
import os
import signal

from bliss.config import static

signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a background job ignores it
session = static.get_config().get("id01")
session.setup(verbose=False)
bragg, eta = session.env_dict["bragg"], session.env_dict["eta"]
approved = bragg.approve()
told = {"approved": approved.state, "points": approved.parameters["points"], "interrupted": ""}
try:
    bragg.rocking(exposure=0.3)  # the rest is from the advice; long enough for Ctrl-C to come in its midst
except BaseException as error:
    told["interrupted"] = type(error).__name__
told["moving"] = eta.is_moving
told["after"] = bragg.next().state
print(json.dumps(told), flush=True)
input()  # until the test has seen what came out of it
center, half = approved.parameters["center_deg"], approved.parameters["range_deg"] / 2
scan = bragg.rocking(half, 48, 0.05, center=center)
print(json.dumps({"state": scan.state.name, "npoints": scan.scan_info["npoints"], "eta": eta.position}), flush=True)
os._exit(0)  # Tango's threads sometimes abort a Python that takes itself down
