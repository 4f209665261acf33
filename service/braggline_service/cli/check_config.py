"""braggline check-config: is this file right, and what may be in it."""

from __future__ import annotations

from dataclasses import fields
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
    from braggline_models.phase_retrieval import Recipe
    from braggline_models.phase_retrieval.schedule import MEANING
    from braggline_service.beamlines import BeamlineConfig, load_beamline
    from braggline_service.recipes import load_recipe
    from braggline_service.settings import Settings, load_settings, load_yaml

    if schema:
        recipe = {f.name: {"type": str(f.type), "default": f.default} for f in fields(Recipe)}
        schemas = {"settings": Settings.model_json_schema(), "beamline": BeamlineConfig.model_json_schema()}
        print_json(schemas | {"recipe": {"properties": recipe, "additionalProperties": False, "steps": MEANING}})
        return
    if file is None:
        raise BadInput("check-config: no file; give FILE, or --schema")
    known = {
        "settings": set(Settings.model_fields),
        "beamline": set(BeamlineConfig.model_fields),
        "recipe": {f.name for f in fields(Recipe)},
    }
    keys = set(load_yaml(file))
    kind = max(known, key=lambda name: len(keys & known[name]))  # the first, settings, where no key tells
    if kind == "beamline":
        load_beamline(str(file))
    elif kind == "recipe":
        load_recipe(file)
    else:
        load_settings(file)
    say(f"{file}: good {kind} file")
