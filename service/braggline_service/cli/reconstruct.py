"""braggline reconstruct: one scan on disk to a strain map."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from braggline_models.errors import BadInput
from braggline_service.cli.told import assignments, print_json, progress_bar, result_json, say, writable


def command(
    scan: Annotated[Path, typer.Argument(help="BLISS NeXus file, or a repacked 34-ID-C scan")],
    out: Annotated[Path, typer.Option("-o", "--out", help="result file (NeXus)")],
    entry: Annotated[str | None, typer.Option(help="such as 20.1; needed where the file holds several scans")] = None,
    detector: Annotated[str | None, typer.Option(help="such as mpx1x4; needed where there are several")] = None,
    beamline: Annotated[str | None, typer.Option(help="a file of config/beamlines")] = None,
    recipe: Annotated[str, typer.Option(help="a file of config/recipes")] = "default",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE: circle, energy_eV, recipe.X")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="same seed, same result")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="runs side by side")] = 2,
    json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Phase a rocking curve and write amplitude, displacement and strain with their quality, and a report."""
    from braggline_service.nexus import write_result
    from braggline_service.recipes import load_recipe
    from braggline_service.report import write_report
    from braggline_service.settings import load_settings
    from braggline_service.sources.read import read_scan
    from braggline_service.stages.result import run_curve, summary_values

    started = time.monotonic()
    writable(out, "-o")
    changes, tuned = _split(assignments(settings or []))
    chosen = load_recipe(recipe, tuned)
    curve = read_scan(scan, entry, detector, beamline, changes)
    for flag in curve.flags:
        say(f"braggline: {scan.name}: {flag}")
    bar = progress_bar()
    if bar is None:
        say(f"phasing {curve.name}: {chosen.runs} runs")
        result = run_curve(curve, load_settings(), chosen, seed, threads)
    else:
        with bar:
            task = bar.add_task(f"phasing {curve.name}", total=1.0)
            result = run_curve(
                curve, load_settings(), chosen, seed, threads,
                lambda step: bar.update(task, completed=step.iteration / max(step.total, 1)),
            )  # fmt: skip
    write_result(out, result)
    report = write_report(out.with_suffix(".html"), result)
    for flag in result.flags[len(curve.flags) :]:
        say(f"braggline: {scan.name}: {flag}")
    advice = asdict(result.recommendation) if result.recommendation else {}
    told = result_json(summary_values(result), advice, str(out), str(report), time.monotonic() - started)
    if json:
        print_json(told)
    else:
        say(
            f"{told['voxels']} voxels, agreement {told['agreement']:.3f}, "
            f"resolution {told['resolution_m'] * 1e9:.1f} nm, strain rms {told['strain_rms']:.2e}\n{out}\n{report}"
        )


def _split(pairs: dict[str, str]) -> tuple[dict[str, float], dict[str, str]]:
    """Numbers of the scan, and keys of the recipe."""
    scan, recipe = {}, {}
    for key, value in pairs.items():
        if key.startswith("recipe."):
            recipe[key.removeprefix("recipe.")] = value
            continue
        try:
            scan[key] = float(value)
        except ValueError as error:
            raise BadInput(f"--set {key}={value}: not a number") from error
    return scan, recipe
