"""How commands talk: one JSON object on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from braggline_models.errors import BadInput

RESULT_KEYS = (
    "voxels", "free_llk", "resolution_m", "strain_rms", "agreement", "runs_kept", "runs_total",
    "frames_expected", "frames_used",
)  # fmt: skip


def say(text: str) -> None:
    """One line for a person."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def print_json(data: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(dict(data)) + "\n")


def progress_bar() -> Progress | None:
    """A bar on a terminal, nothing elsewhere."""
    return Progress(console=Console(stderr=True), transient=True) if sys.stderr.isatty() else None


def result_json(
    values: Mapping[str, Any], recommendation: Mapping[str, Any], file: str, report: str, elapsed_s: float
) -> dict[str, Any]:
    """The fixed keys of a reconstruction, for whoever reads the JSON."""
    chosen = {key: values.get(key) for key in RESULT_KEYS}
    tail = {"elapsed_s": elapsed_s, "recommendation": dict(recommendation), "file": file, "report": report}
    return chosen | tail | {"flags": list(values.get("flags") or [])}


def assignments(pairs: list[str]) -> dict[str, str]:
    """KEY=VALUE words as a mapping. BadInput for a word that is none."""
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key or not value:
            raise BadInput(f"--set {pair}: write KEY=VALUE, for example --set eta=17.7 or --set recipe.threshold=0.1")
        found[key] = value
    return found


def writable(path: Path, what: str) -> Path:
    """`path` if a file can be written there; asked before hours of work. BadInput otherwise."""
    if path.is_dir():
        raise BadInput(f"{what} {path}: is a folder; give the name of a file")
    if not path.absolute().parent.is_dir():
        raise BadInput(f"{what} {path}: the folder {path.absolute().parent} does not exist; make it first")
    return path
