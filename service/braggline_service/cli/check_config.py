"""braggline check-config: is this file right, and what may be in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from braggline_models.errors import BadInput
from braggline_service.cli.told import print_json, say


def command(
    file: Annotated[Path | None, typer.Argument(help="settings, beamline or recipe file")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="print what is allowed, as JSON schema")] = False,
) -> None:
    """Check a configuration file; the kind is told by its keys."""
    from braggline_service.beamlines import BeamlineConfig, load_beamline
    from braggline_service.recipes import load_recipe
    from braggline_service.settings import Settings, load_settings, load_yaml

    if schema:
        print_json({"settings": Settings.model_json_schema(), "beamline": BeamlineConfig.model_json_schema()})
        return
    if file is None:
        raise BadInput("check-config: give a FILE, or --schema")
    keys = set(load_yaml(file))
    if keys & {"sample_circles", "detector_circles", "detectors"}:
        load_beamline(str(file))
        kind = "beamline"
    elif keys and keys.isdisjoint(Settings.model_fields):
        load_recipe(str(file))
        kind = "recipe"
    else:
        load_settings(file)
        kind = "settings"
    say(f"{file}: good {kind} file")
