"""braggline calibrate: the pose of a detector from scans of its arm through the direct beam."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from braggline_models.errors import BadInput
from braggline_service.cli.given import scan_and_recipe
from braggline_service.cli.told import print_json, say


def command(
    scan: Annotated[Path, typer.Argument(help="BLISS NeXus file: detector circles moved, the direct beam seen")],
    entry: Annotated[list[str] | None, typer.Option(help="such as 7.1; given several times, all of them")] = None,
    detector: Annotated[str | None, typer.Option(help="such as mpx1x4; needed where there are several")] = None,
    beamline: Annotated[str | None, typer.Option(help="a name of config/beamlines, or a file")] = None,
    given: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="a circle in deg, distance_m, ...")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Fit distance, beam center, rotation and tilt; the YAML for config/beamlines goes to standard output."""
    numbers, recipe = scan_and_recipe(given or [])
    if recipe:
        raise BadInput(f"--set recipe.{next(iter(recipe))}: a calibration has no recipe; leave it out")

    from braggline_service.sources.arm_scan import read_arm_scan
    from braggline_service.stages.calibration import calibrated

    names: list[str | None] = [*entry] if entry else [None]
    told = calibrated([read_arm_scan(scan, name, detector, beamline, numbers) for name in names])
    for flag in told["flags"]:
        say(f"braggline: {scan}: {flag}")
    if json:
        print_json(told)
    else:
        say(_table(told))
        typer.echo(told["yaml"], nl=False)


def _table(told: Mapping[str, Any]) -> str:
    """Each number with its deviation."""
    row, column = told["beam_center_px"]
    values = (
        ("distance_m", "distance", told["distance_m"], ".6f", "m"),
        ("beam_center_row_px", "beam center, row", row, ".3f", "px"),
        ("beam_center_column_px", "beam center, column", column, ".3f", "px"),
        ("rotation_deg", "rotation", told["rotation_deg"], ".4f", "deg"),
        ("tilt_deg", "tilt", told["tilt_deg"], ".4f", "deg"),
        ("tilt_azimuth_deg", "tilt azimuth", told["tilt_azimuth_deg"], ".2f", "deg"),
    )
    lines = [
        f"{told['detector']} of {told['beamline']}: {told['frames_used']} of {told['frames_total']} frames, "
        f"residual {told['rms_px']:.3f} px rms; one standard deviation beside each number"
    ]
    for key, name, value, digits, unit in values:
        deviation = told["deviation"][key]
        error = "half held" if math.isnan(deviation) else f"+- {deviation:{digits}}" if deviation else "held"
        lines.append(f"  {name:<20} {value:>12{digits}} {unit:<3} {error}")
    return "\n".join(lines)
