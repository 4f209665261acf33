"""python -m braggline_tango BraggIngest INSTANCE [-vN]     one device server
python -m braggline_tango register INSTANCE [--domain id01] [--settings FILE]
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from pathlib import Path

from tango import DevFailed
from tango.server import run

from braggline_tango.names import CLASSES
from braggline_tango.register import register


def main(arguments: list[str] | None = None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] in CLASSES:
        return serve(words)
    return _register(words)


def serve(words: list[str]) -> int:
    """Run one server until it is told to end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    device_class = getattr(importlib.import_module(CLASSES[words[0]]), words[0])
    run((device_class,), args=words, raises=True)
    return 0


def _register(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m braggline_tango", description=__doc__.replace("\n", "; "))
    parser.add_argument("command", choices=["register", *CLASSES])
    parser.add_argument("instance", help="the servers are BraggIngest/INSTANCE and so on")
    parser.add_argument("--domain", default="id01", help="first part of the device names")
    parser.add_argument("--settings", default="", help="settings file of the three devices")
    given = parser.parse_args(words)
    try:
        settings = str(Path(given.settings).resolve()) if given.settings else ""
        names = register(given.instance, given.domain, settings)
    except DevFailed as error:
        sys.stderr.write(f"register: no Tango database: {error.args[0].desc}; set TANGO_HOST\n")
        return 1
    sys.stdout.write("\n".join(names) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
