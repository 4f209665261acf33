"""Run by BLISS's own Python: reads the advice in the shell, approves it, rocks with it and a schedule. Prints JSON."""

import bliss  # noqa: F401, I001  first of all: it patches the standard library for gevent

import json
import os

import gevent
from bliss.config import static

session = static.get_config().get("id01")
session.setup(verbose=False)
bragg = session.env_dict["bragg"]
told = {"info": bragg.__info__(), "next": bragg.next().__info__(), "parameters": dict(bragg.next().parameters)}
told["approved"] = bragg.approve().state
bragg.params.recipe = "(DM**10,SW)**4,(HIO**30,RAAR**10,SW)**4,ER**20"
told["recipe"] = bragg.params.recipe
scan = bragg.rocking()
told |= {"title": scan.scan_info["title"], "npoints": scan.scan_info["npoints"]}
with gevent.Timeout(10, False):
    while bragg.next().state == "approved":
        gevent.sleep(0.05)
print(json.dumps(told), flush=True)
os._exit(0)  # Tango's threads sometimes abort a Python that takes itself down
