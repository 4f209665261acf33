"""scan.py MOTOR START STOP INTERVALS COUNT_TIME [--scans N] [--roi X Y W H]    stock ascans in the session id01

Run with the BLISS environment's Python. One JSON line a scan: number, npoints, state, duration_s, scan key.
"""

import bliss  # noqa: F401, I001  first of all: it patches the standard library for gevent

import argparse
import json
import os
import signal
import time
import warnings

from bliss.common import scans
from bliss.config import static


def parsed():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("motor")
    parser.add_argument("start", type=float)
    parser.add_argument("stop", type=float)
    parser.add_argument("intervals", type=int)
    parser.add_argument("count_time", type=float)
    parser.add_argument("--scans", type=int, default=1)
    parser.add_argument("--roi", type=int, nargs=4, help="a ROI counter: x y width height")
    parser.add_argument("--frames-per-file", type=int, default=100)
    parser.add_argument("--format", default="HDF5", choices=["HDF5", "HDF5BS"])
    return parser.parse_args()


def main(given):
    session = static.get_config().get("id01")
    session.setup(verbose=False)
    warnings.simplefilter("ignore")  # its own packages deprecate each other by the screenful
    names = session.env_dict
    detector = names[static.get_config().get_config("demo_metadata")["detector"]]
    detector.saving.file_format = given.format
    detector.saving.frames_per_file = given.frames_per_file
    detector.roi_counters.clear()
    counters = [detector.image, names["diode"]]
    if given.roi:
        detector.roi_counters["roi"] = given.roi
        counters.append(detector.roi_counters)
    try:
        for _ in range(given.scans):
            begin = time.monotonic()
            scan = scans.ascan(
                names[given.motor], given.start, given.stop, given.intervals, given.count_time, *counters
            )
            print(json.dumps(described(scan, time.monotonic() - begin)), flush=True)
    finally:
        session.close()


def described(scan, duration_s):
    """What the caller may want to know; the ROI sums show that the detector's counters arrive."""
    sums = {name: stream[:].tolist() for name, stream in scan.streams.items() if name.endswith("roi_sum")}
    return {
        "number": int(scan.scan_number),
        "key": scan._scan_data.key,
        "npoints": scan.scan_info["npoints"],
        "state": scan.state.name,
        "duration_s": round(duration_s, 3),
        "roi_sums": next(iter(sums.values()), []),
    }


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Ctrl-C, also where a shell's background job ignores it
    main(parsed())
    os._exit(0)  # Tango's threads sometimes abort a Python that takes itself down
