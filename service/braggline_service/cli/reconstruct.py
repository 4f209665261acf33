"""braggline reconstruct: one scan on disk to a strain map."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from braggline_service.cli.given import scan_and_recipe, scans_and_entries, writable
from braggline_service.cli.told import print_json, progress, result_json, result_line, say


def command(
    scan: Annotated[Path, typer.Argument(help="BLISS NeXus file, or a repacked 34-ID-C scan")],
    out: Annotated[Path, typer.Option("-o", "--out", help="result file (NeXus); report and VTI go beside it")],
    entry: Annotated[
        list[str] | None,
        typer.Option(help="such as 20.1; several scans of one crystal, 20.1,22.1 or FILE.h5::3.1, are added up"),
    ] = None,
    detector: Annotated[str | None, typer.Option(help="such as mpx1x4; needed where there are several")] = None,
    beamline: Annotated[str | None, typer.Option(help="a name of config/beamlines, or a file")] = None,
    recipe: Annotated[str | None, typer.Option(help="a name of config/recipes, or a file")] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="a circle in deg, energy_eV, distance_m, recipe.KEY, ..."),
    ] = None,
    material: Annotated[str, typer.Option(help="fcc metal, such as Pt: refraction and absorption are taken out")] = "",
    reflection: Annotated[str, typer.Option(help="such as 1,1,1: lattice parameter, facets with indices")] = "",
    in_plane: Annotated[str, typer.Option(help="crystal direction along the sample frame's x, such as 1,-1,0")] = "",
    seed: Annotated[int, typer.Option(min=0, help="same seed, same result")] = 0,
    runs: Annotated[int | None, typer.Option(min=1, help="random starts; default: the recipe's")] = None,
    threads: Annotated[int, typer.Option(min=1, help="runs side by side")] = 2,
    json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Phase a rocking curve and write amplitude, displacement and strain with their quality, and a report."""
    started = time.monotonic()
    scans = scans_and_entries(scan, entry or [])
    writable(out, *(file for file, _ in scans))
    numbers, tuned = scan_and_recipe(given or [])
    if runs is not None:
        tuned["runs"] = str(runs)

    from braggline_service.nexus import write_result
    from braggline_service.recipes import load_recipe
    from braggline_service.report import write_report
    from braggline_service.samples import sample_of
    from braggline_service.settings import load_settings
    from braggline_service.sources.read import read_scan
    from braggline_service.stages.result import run_curve
    from braggline_service.stages.summary import summary_values

    settings = load_settings()
    told = {"material": material, "reflection": reflection, "in_plane": in_plane}
    sample = sample_of(settings.sample, told)
    chosen = load_recipe(recipe or settings.recipe, tuned)
    curve, *also = (read_scan(file, name, detector, beamline, numbers) for file, name in scans)
    for each in (curve, *also):
        for flag in each.flags:
            say(f"braggline: {each.name}: {flag}")
    with progress(f"phasing {curve.name}, {chosen.runs} runs") as tell:
        result = run_curve(
            curve, settings, chosen, seed, threads, lambda step: tell(step.iteration / max(step.total, 1)), sample, also
        )
    for flag in result.flags:
        if flag not in curve.flags:
            say(f"braggline: {curve.name}: {flag}")
    write_result(out, result)
    report = write_report(out.with_suffix(".html"), result)
    advice = asdict(result.recommendation) if result.recommendation else {}
    told = result_json(summary_values(result), advice, str(out), str(report), time.monotonic() - started)
    if json:
        print_json(told)
    else:
        say(result_line(told))
