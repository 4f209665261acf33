"""The commands, and how they end: 0 done, 1 failed, 2 wrong use or bad input."""

from __future__ import annotations

import logging
import sys

import typer

from braggline_models.errors import BadInput
from braggline_service.cli import (
    bench,
    calibrate,
    check_config,
    learn,
    reconstruct,
    replay,
    services,
    simulate,
    simulate_map,
)
from braggline_service.cli import map as map_

app = typer.Typer(
    name="braggline",
    help="Strain maps of single nanocrystals while the rocking curve is still being measured.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("reconstruct")(reconstruct.command)
app.command("replay")(replay.command)
app.command("calibrate")(calibrate.command)
app.command("map")(map_.command)
app.command("up")(services.up)
app.command("down")(services.down)
app.command("status")(services.status)
app.command("doctor")(services.doctor)
app.command("check-config")(check_config.command)
app.command("simulate")(simulate.command)
app.command("train")(learn.train)
app.command("evaluate")(learn.evaluate)
app.command("export")(learn.export)
app.command("simulate-map")(simulate_map.command)
app.add_typer(bench.app, name="bench", help="Measure this machine: engine, success, ingest, latency.")


def main() -> None:
    """The entry point: what goes wrong is one line on standard error; --debug shows where."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if debug:
        logging.getLogger("braggline_service").setLevel(logging.DEBUG)
    try:
        app()
    except BadInput as error:
        _end(f"braggline: {error}", 2)
    except KeyboardInterrupt:
        _end("braggline: stopped", 1)
    except Exception as error:
        if debug:
            raise
        _end(f"braggline: {type(error).__name__}: {' '.join(str(error).split())} (more with --debug)", 1)


def _end(text: str, code: int) -> None:
    sys.stderr.write(f"{text}\n")
    sys.exit(code)
