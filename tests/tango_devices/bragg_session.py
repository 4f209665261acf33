"""Run by BLISS's own Python: a real session with `bragg` in it. Prints one JSON object as its last line.

usage: bragg_session.py FOLDER   ($BRAGG_SESSION names the session, default id01)
"""

import json
import logging
import os
import sys
import time

import bliss  # noqa: F401  first: it does the gevent patching
import gevent
from bliss.common.scans import ascan
from bliss.config import static

from braggline_bliss.follow import FollowPreset

seen = {"prepare_s": [], "warnings": []}


class Warnings(logging.Handler):
    def emit(self, record):
        if "bragg" in record.getMessage():
            seen["warnings"].append(record.getMessage())


def refusal(action):
    try:
        action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "not refused"


def timed(prepare):
    def wrapper(self, chain):
        started = time.perf_counter()
        prepare(self, chain)
        seen["prepare_s"].append(time.perf_counter() - started)

    return wrapper


logging.getLogger().addHandler(Warnings(logging.WARNING))
FollowPreset.prepare = timed(FollowPreset.prepare)
session = static.get_config().get(os.environ.get("BRAGG_SESSION", "id01"))
session.setup(verbose=False)
session.scan_saving.base_path = sys.argv[1]
session.scan_saving.writer = "null"
bragg, eta, simdet = (session.env_dict[name] for name in ("bragg", "eta", "simdet"))

seen["info"] = bragg.__info__()
seen["standing"] = bragg.next().__info__()
seen["refused"] = {
    "rocking": refusal(bragg.rocking),
    "unknown": refusal(lambda: setattr(bragg.params, "magic", 1)),
    "mode": refusal(lambda: setattr(bragg.params, "mode", "maybe")),
}
seen["approved"] = bragg.approve().state
scan = bragg.rocking()
seen["scan"] = {"points": scan.scan_info["npoints"], "title": scan.scan_info["title"], "eta": eta.position}
with gevent.Timeout(10, False):
    while bragg.next().state != "applied":
        gevent.sleep(0.05)
seen["after"] = bragg.next().state
with gevent.Timeout(10, False):
    while not bragg._follower.metadata(None):
        gevent.sleep(0.05)
seen["metadata"] = ascan(eta, 0, 0.1, 4, 0.02, simdet.image).scan_info["instrument"].get("bragg")
seen["prepared_with_detector"] = len(seen["prepare_s"])
bragg.disable()
ascan(eta, 0, 0.1, 4, 0.02, simdet.image)
seen["prepared_after_disable"] = len(seen["prepare_s"])
bragg.enable()
gevent.sleep(0.5)
print(json.dumps(seen))
session.close()
