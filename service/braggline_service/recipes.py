"""Phasing recipes: config/recipes/NAME.yaml, or any YAML file, checked on entry; unknown keys are refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from braggline_models.errors import BadInput
from braggline_models.phase_retrieval import Recipe
from braggline_service.settings import config_dir, load_yaml

TUNED = {"runs": "runs", "support_threshold": "threshold", "isosurface": "isosurface", "learned": "learned"}
NONE = "none"  # of the learned models


def load_recipe(name_or_path: str | Path = "default", overrides: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of that name in the configuration folder, or of that file, `overrides` on top.

    A schedule such as `(RAAR**50,SW)**12,ER**100` in its place is the default recipe with that schedule, after the last
    frame of a live scan too. An override may be text, as `--set KEY=VALUE` gives it. BadInput names the file and what
    is wrong.
    """
    if "**" in str(name_or_path):
        schedule = str(name_or_path)
        return load_recipe(
            "default", {"schedule": schedule, "polish": f"FRESH,{schedule}", "refine": ""} | dict(overrides or {})
        )
    path = _recipe_path(name_or_path)
    values = load_yaml(path) | {key: _plain(value) for key, value in (overrides or {}).items()}
    try:
        return Recipe.from_mapping(values)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


def tuned_recipe(name_or_path: str | Path, parameters: Mapping[str, Any]) -> Recipe:
    """The recipe that the scientist's parameters name (`recipe`), with what they set on top; None leaves it alone.

    Of `parameters` only recipe and the keys of TUNED concern a recipe; others are not looked at.
    """
    overrides = {field: parameters[key] for key, field in TUNED.items() if parameters.get(key) is not None}
    if "learned" in overrides:
        overrides["learned"] = learned_names(str(overrides["learned"]))
    return load_recipe(parameters.get("recipe") or name_or_path, overrides)


def learned_names(text: str) -> list[str]:
    """Names of models as a person writes them, between commas or blanks; 'none' is none of them."""
    words = text.replace(",", " ").split()
    return [] if words == [NONE] else words


def recipe_hash(recipe: Recipe) -> str:
    """The first 12 hex digits of the SHA-256 of the recipe's content, whatever file it came from."""
    content = json.dumps(recipe.as_mapping(), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _recipe_path(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        return path
    folder = config_dir() / "recipes"
    named = folder / f"{name_or_path}.yaml"
    if len(path.parts) != 1 or not named.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml"))) or "none"
        raise BadInput(f"{folder}: no recipe '{name_or_path}'; known are {known}, or give a .yaml file")
    return named


def _plain(value: Any) -> Any:
    return yaml.safe_load(value) if isinstance(value, str) and value else value
