"""braggline replay: a file through the whole live chain."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from braggline_models.errors import BadInput
from braggline_service.cli.given import scan_and_recipe
from braggline_service.cli.services import DEFAULT, RunDir
from braggline_service.cli.told import print_json, progress, result_json, result_line, say

if TYPE_CHECKING:
    from braggline_service.board import Board, Snapshot

OVER = ("final", "failed", "aborted")
ADVICE = ("action", "parameters", "reason", "expected_gain", "confidence", "limits_hit", "details", "id", "state")


def command(
    scan: Annotated[Path, typer.Argument(help="BLISS NeXus file, or a repacked 34-ID-C scan")],
    entry: Annotated[str | None, typer.Option(help="needed where the file holds several scans")] = None,
    detector: Annotated[str | None, typer.Option(help="needed where there are several")] = None,
    beamline: Annotated[str | None, typer.Option(help="a name of config/beamlines, or a file")] = None,
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="a circle in deg, energy_eV, ...")
    ] = None,
    run_dir: RunDir = DEFAULT,
    config: Annotated[Path | None, typer.Option(help="settings file of the running service")] = None,
    timeout_s: Annotated[float, typer.Option("--timeout", help="for the final result, s")] = 600.0,
    json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Publish the frames of SCAN to the running service as if they were measured now, and wait for its result."""
    numbers, recipe = scan_and_recipe(given or [])
    if recipe:
        raise BadInput(f"--set recipe.{next(iter(recipe))}: the running service has its own recipe; set it on Tango")
    from braggline_service.sources.overrides import DETECTOR

    if own := next((key for key in DETECTOR if key in numbers), None):
        raise BadInput(f"--set {own}: the running service has its own detector; set it in the beamline's file")

    from braggline_service.board import Board
    from braggline_service.connection import AWAY, connect
    from braggline_service.ingest import replay_curve
    from braggline_service.settings import load_settings
    from braggline_service.sources.read import read_scan

    settings = load_settings(config or _settings_file(run_dir))
    curve = read_scan(scan, entry, detector, beamline, numbers)
    for flag in curve.flags:
        say(f"braggline: {curve.name}: {flag}")
    redis = connect(settings.redis.url)
    try:
        redis.ping()
    except AWAY as error:
        raise BadInput(f"no service at {settings.redis.url}; start it with `braggline up`, or give --config") from error
    started, board = time.monotonic(), Board(redis)
    key = replay_curve(redis, settings, curve, str(scan.absolute()))
    snapshot = _wait(board, key, f"replaying {curve.name}, {len(curve.intensity)} frames", started + timeout_s)
    values = dict(snapshot.values)
    if snapshot.stage == "failed" or "result_file" not in values:
        raise RuntimeError(str(values.get("message", f"{key} {snapshot.stage}")))
    for flag in values.get("flags") or []:
        if flag not in curve.flags:
            say(f"braggline: {curve.name}: {flag}")
    told = result_json(values, _advice(board, key), values["result_file"], values["report"], time.monotonic() - started)
    if json:
        print_json(told)
    else:
        say(result_line(told))


def _settings_file(run_dir: Path) -> Path | None:
    """What the running service really uses: told by its environment, or in its run folder."""
    if told := os.environ.get("BRAGGLINE_SETTINGS"):
        return Path(told)
    written = run_dir.absolute() / "settings.yaml"
    return written if written.is_file() else None


def _wait(board: Board, key: str, label: str, deadline: float) -> Snapshot:
    """The scan's snapshot once it is over. RuntimeError when the deadline passes first."""
    position = "0-0"
    with progress(label) as tell:
        while True:
            snapshot = board.latest(key)
            if snapshot is not None:
                tell(snapshot.progress)
                if snapshot.stage in OVER:
                    return snapshot
            if time.monotonic() > deadline:
                raise RuntimeError(f"no result of {key} in time; `braggline status` tells whether the workers run")
            position, _ = board.wait(position, 1.0)


def _advice(board: Board, key: str) -> dict[str, object]:
    """What the service recommends after this scan; empty if it has no word on it."""
    document = board.read("recommendation")
    return {name: document[name] for name in ADVICE if name in document} if document.get("scan") == key else {}
