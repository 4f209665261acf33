"""What the person gave, checked before any work begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from braggline_models.errors import BadInput


def writable(path: Path, *inputs: Path) -> Path:
    """`path` if a file can be written there and none of `inputs` is lost by it. BadInput otherwise."""
    from braggline_service.nexus import check_writable

    if not path.absolute().parent.is_dir():
        raise BadInput(f"-o {path}: the folder {path.absolute().parent} does not exist; make it first")
    check_writable(path)
    for given in inputs:
        if path.exists() and given.exists() and path.samefile(given):
            raise BadInput(f"-o {path}: is the input itself; give another name")
    return path


def scans_and_entries(scan: Path, words: Sequence[str]) -> list[tuple[Path, str | None]]:
    """(file, entry) of each scan that is to be added up: `words` such as 20.1, or 20.1,22.1, or FILE::22.1."""
    found: list[tuple[Path, str | None]] = []
    for word in (part for given in words for part in given.split(",")):
        file, inside, entry = word.rpartition("::")
        place = (Path(file) if inside else scan, entry)
        if not entry or place in found:
            raise BadInput(f"--entry {','.join(words)}: {'a name is empty' if not entry else f'{word} is given twice'}")
        found.append(place)
    return found or [(scan, None)]


def scan_and_recipe(pairs: Sequence[str]) -> tuple[dict[str, float | str], dict[str, str]]:
    """KEY=VALUE words as numbers (or, where the key ends in _file, names of files) of the scan; and, where the key
    begins with 'recipe.', keys of the recipe."""
    scan: dict[str, float | str] = {}
    recipe: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key or not value:
            raise BadInput(f"--set {pair}: write KEY=VALUE, for example --set eta=17.7 or --set recipe.threshold=0.1")
        if key.startswith("recipe."):
            recipe[key.removeprefix("recipe.")] = value
            continue
        if key.endswith("_file"):
            scan[key] = value
            continue
        try:
            scan[key] = float(value)
        except ValueError as error:
            raise BadInput(f"--set {key}={value}: not a number; give one") from error
    return scan, recipe
