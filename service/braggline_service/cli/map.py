"""braggline map: the crystals of a map, numbered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from braggline_models.errors import BadInput
from braggline_service.cli.told import print_json, progress, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from braggline_models.maps import Candidate
    from braggline_service.learned.ranked import Expected
    from braggline_service.sources.map_scan import MapScan


def command(
    scan: Annotated[Path, typer.Argument(help="BLISS NeXus file with a mesh of the sample's piezos and frames")],
    entry: Annotated[str | None, typer.Option(help="such as 7.1; needed where there are several maps")] = None,
    detector: Annotated[str | None, typer.Option(help="such as mpx1x4; needed where there are several")] = None,
    beamline: Annotated[str | None, typer.Option(help="a name of config/beamlines, or a file")] = None,
    axes: Annotated[str | None, typer.Option(help="the two motors, fast first, such as pix,piy")] = None,
    rank: Annotated[bool, typer.Option("--rank", help="say how probably each can be phased")] = False,
    network: Annotated[bool, typer.Option("--network", help="with --rank: ask the learned model instead")] = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="PNG of the map with its numbered crystals")] = None,
    json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Find the crystals in a map: where each is, how large, how bright, where its Bragg peak lies."""
    from braggline_models.maps import find_crystals
    from braggline_service.cli.given import writable
    from braggline_service.map_picture import draw_map
    from braggline_service.map_told import map_json, map_lines
    from braggline_service.sources.map_scan import read_map

    picture, motors = writable(out, scan) if out is not None else None, _pair(axes)
    with progress(f"reading {scan.name}") as tell:
        found = read_map(scan, entry, detector, beamline, motors, on_share=tell)
    crystals = find_crystals(found.map)
    for flag in found.map.flags:
        say(f"braggline: {scan}: {flag}")
    ranked: tuple[Expected, ...] = ()
    if rank or network:
        ranked = _ranked(found, crystals, network)
    if picture is not None:
        draw_map(picture, found.map, crystals)
    if json:
        print_json(map_json(found.map, crystals, picture, ranked))
    else:
        for line in map_lines(found.map, crystals, ranked):
            typer.echo(line)


def _ranked(found: MapScan, crystals: Sequence[Candidate], network: bool) -> tuple[Expected, ...]:
    from braggline_service.learned.ranked import expected
    from braggline_service.learned.weights import load_model

    return expected(found, crystals, load_model("ranking") if network else None)


def _pair(axes: str | None) -> tuple[str, str] | None:
    if axes is None:
        return None
    names = [name.strip() for name in axes.split(",")]
    if len(names) != 2 or not all(names) or names[0] == names[1]:
        raise BadInput(f"--axes {axes}: give two motors, fast first, such as pix,piy")
    return names[0], names[1]
