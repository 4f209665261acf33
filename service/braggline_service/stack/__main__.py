"""python -m braggline_service.stack RUN_DIR SETTINGS    the supervisor of one run folder, until SIGTERM or Ctrl-C"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from pathlib import Path

from braggline_models.errors import BadInput
from braggline_service.processes import AlreadyUp, PartDown
from braggline_service.settings import load_settings
from braggline_service.stack.stack import Stack


def main(run_dir: str, settings_file: str) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    try:
        with Stack(load_settings(Path(settings_file)), Path(run_dir)):
            over.wait()
    except (BadInput, PartDown, AlreadyUp) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2 if isinstance(error, BadInput) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
