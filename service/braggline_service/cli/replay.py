"""braggline replay: a file through the whole live chain."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from braggline_models.errors import BadInput
from braggline_service.cli.told import print_json, result_json, say

FINAL = ("final", "failed", "aborted")


def command(
    scan: Annotated[Path, typer.Argument(help="BLISS NeXus file, or a repacked 34-ID-C scan")],
    entry: Annotated[str | None, typer.Option(help="needed where the file holds several scans")] = None,
    detector: Annotated[str | None, typer.Option(help="needed where there are several")] = None,
    beamline: Annotated[str | None, typer.Option(help="a file of config/beamlines")] = None,
    config: Annotated[Path | None, typer.Option(help="settings file of the running service")] = None,
    timeout_s: Annotated[float, typer.Option("--timeout", help="for the final result, s")] = 600.0,
    json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Publish the frames of SCAN to the running service as if they were measured now, and wait for its result."""
    from braggline_service.board import Board
    from braggline_service.connection import AWAY, connect
    from braggline_service.ingest import replay_curve
    from braggline_service.settings import load_settings
    from braggline_service.sources.read import read_scan

    settings = load_settings(config)
    curve = read_scan(scan, entry, detector, beamline)
    redis = connect(settings.redis.url)
    try:
        redis.ping()
    except AWAY as error:
        raise BadInput(f"no service at {settings.redis.url}; start it with `braggline up`, or give --config") from error
    started, board = time.monotonic(), Board(redis)
    key = replay_curve(redis, settings, curve, str(scan.absolute()))
    say(f"replaying {curve.name}: {len(curve.intensity)} frames")
    position = "0-0"
    while True:
        snapshot = board.latest(key)
        if snapshot is not None and snapshot.stage in FINAL:
            break
        if time.monotonic() - started > timeout_s:
            raise RuntimeError(f"no result of {key} after {timeout_s:g} s; is a BraggReconstruction device running?")
        position, _ = board.wait(position, 1.0)
    values = dict(snapshot.values)
    if snapshot.stage != "final":
        raise RuntimeError(str(values.get("message", f"{key} {snapshot.stage}")))
    advice = board.read("recommendation").get("recommendation", {})
    told = result_json(values, advice, values["result_file"], values["report"], time.monotonic() - started)
    if json:
        print_json(told)
    else:
        say(f"{told['voxels']} voxels, agreement {told['agreement']:.3f}\n{told['file']}\n{told['report']}")
