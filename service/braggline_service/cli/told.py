"""How commands talk: one JSON object on standard output, everything else on standard error."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from braggline_service.plain import plain

RESULT_KEYS = (
    "voxels", "free_llk", "resolution_m", "strain_rms", "uncertainty_median", "lattice_parameter_m", "agreement",
    "pairwise", "runs_kept", "runs_total", "frames_expected", "frames_used", "facet_count", "facets", "defect_count",
    "defects", "statistics", "cleaning",
)  # fmt: skip
LINES = 10  # for all of the work, where there is no terminal to draw a bar on


def say(text: str) -> None:
    """One line for a person."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def print_json(data: Mapping[str, Any]) -> None:
    """One object in one line; a number that is not finite becomes null, which every reader of JSON knows."""
    sys.stdout.write(json.dumps(plain(data), allow_nan=False) + "\n")


@contextmanager
def progress(label: str) -> Iterator[Callable[[float], None]]:
    """Tell it the share done, 0..1: a bar on a terminal, a line for every tenth elsewhere."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(label, total=1.0)
            yield lambda share: bar.update(task, completed=share)
        return
    told = 0

    def line(share: float) -> None:
        nonlocal told
        step = int(share * LINES + 1e-9)
        if step > told:
            told = step
            say(f"{label}: {share:.0%}")

    say(label)
    yield line


def result_json(
    values: Mapping[str, Any], recommendation: Mapping[str, Any], file: str, report: str, elapsed_s: float
) -> dict[str, Any]:
    """The fixed keys of a reconstruction, for whoever reads the JSON."""
    chosen = {key: values.get(key) for key in RESULT_KEYS}
    tail = {"elapsed_s": elapsed_s, "recommendation": dict(recommendation), "file": file, "report": report}
    return chosen | tail | {"flags": list(values.get("flags") or [])}


def result_line(told: Mapping[str, Any]) -> str:
    """The same for a person."""
    numbers = {key: math.nan if told[key] is None else told[key] for key in ("agreement", "resolution_m", "strain_rms")}
    return (
        f"{told['voxels']} voxels, agreement {numbers['agreement']:.3f}, resolution "
        f"{numbers['resolution_m'] * 1e9:.1f} nm, strain rms {numbers['strain_rms']:.2e}\n"
        f"next: {told['recommendation'].get('action', 'nothing')}; {told['recommendation'].get('reason', '')}\n"
        f"{told['file']}\n{told['report']}"
    )
