"""Recipes from files, with overrides and the scientist's parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from braggline_models.errors import BadInput
from braggline_models.phase_retrieval import Recipe
from braggline_models.phase_retrieval.schedule import UPDATES
from braggline_service.recipes import load_recipe, recipe_hash, tuned_recipe
from braggline_service.settings import config_dir


def test_every_recipe_of_the_configuration_is_valid() -> None:
    names = [path.stem for path in (config_dir() / "recipes").glob("*.yaml")]
    assert {"default", "fast"} <= set(names)
    assert len({recipe_hash(load_recipe(name)) for name in names}) == len(names)


def test_the_default_recipe_is_the_default_of_the_code() -> None:
    assert load_recipe("default") == Recipe()


def test_overrides_may_be_text() -> None:
    recipe = load_recipe("default", {"runs": "3", "threshold": "0.12", "schedule": "(HIO**5,SW)**2"})
    assert (recipe.runs, recipe.threshold, recipe.schedule) == (3, 0.12, "(HIO**5,SW)**2")


def test_hash_is_of_the_content(tmp_path: Path) -> None:
    copy = tmp_path / "mine.yaml"
    copy.write_text("runs: 4\n")
    assert recipe_hash(load_recipe(copy)) == recipe_hash(Recipe(runs=4)) != recipe_hash(Recipe())


def test_parameters_of_the_scientist() -> None:
    recipe = tuned_recipe("default", {"runs": 2, "support_threshold": 0.3, "isosurface": None, "slice_index": 5})
    assert (recipe.runs, recipe.threshold, recipe.isosurface) == (2, 0.3, Recipe().isosurface)
    assert tuned_recipe("default", {"recipe": "fast"}) == load_recipe("fast")


@pytest.mark.parametrize("name", UPDATES)
def test_every_algorithm_is_reachable_by_a_schedule_in_place_of_a_name(name: str) -> None:
    """What a scientist writes to bragg.params.recipe comes through tuned_recipe."""
    recipe = tuned_recipe("default", {"recipe": f"({name}**5,SW)**2,ER**3", "runs": 4})
    assert (recipe.schedule, recipe.runs) == (f"({name}**5,SW)**2,ER**3", 4)
    assert recipe.polish.endswith(recipe.schedule)
    with pytest.raises(BadInput, match="unknown step"):
        tuned_recipe("default", {"recipe": f"{name}X**5"})


@pytest.mark.parametrize("name", ["no-such-recipe", "../braggline", "missing.yaml"])
def test_unknown_recipe(name: str) -> None:
    with pytest.raises(BadInput, match=r"no recipe|cannot be read"):
        load_recipe(name)


def test_unknown_key_names_the_file(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("treshold: 0.1\n")
    with pytest.raises(BadInput, match=r"wrong\.yaml.*unknown key.*treshold"):
        load_recipe(wrong)
