"""braggline bench: what this machine does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from braggline_models.errors import BadInput
from braggline_service.cli.told import print_json

app = typer.Typer(no_args_is_help=True)
LATENCY_KEYS = (
    "frames", "scan_s", "scan_without_s", "first_preview_fraction", "foreseen_fraction", "map_after_last_frame_s",
    "final_after_last_frame_s", "frames_missing",
)  # fmt: skip


@app.command()
def ingest(frames: Annotated[int, typer.Option(min=10)] = 400) -> None:
    """Frames a second through Redis, compressed, from memory."""
    from braggline_service.bench.ingest import run

    print_json(run(frames))


@app.command()
def engine(
    shape: Annotated[list[str] | None, typer.Option(help="such as 128x200x200; may be given again")] = None,
    algorithm: Annotated[list[str] | None, typer.Option(help="ER, HIO, RAAR, ...; may be given again")] = None,
    threads: Annotated[list[int] | None, typer.Option(min=1, max=256, help="runs side by side")] = None,
) -> None:
    """CPU time of an iteration over that of the fastest FFT pair on the machine."""
    from braggline_service.bench.engine import SHAPES, run

    print_json(run(shape or SHAPES, algorithm or ("HIO",), threads or (1,)))


@app.command()
def success(
    objects: Annotated[int, typer.Option(min=1, help="crystals a bin")] = 60,
    size: Annotated[list[int] | None, typer.Option(help="voxels a side; may be given again")] = None,
    recipe: Annotated[str, typer.Option(help="name or file")] = "default",
    first_seed: Annotated[int, typer.Option(min=0)] = 0,
    workers: Annotated[int, typer.Option(min=1, help="processes side by side")] = 2,
    live: Annotated[bool, typer.Option("--live", help="previews while frames arrive, then the last pass")] = False,
) -> None:
    """How often simulated crystals come back, by phase range and with a dislocation."""
    from braggline_service.bench.success import run

    print_json(run(objects, size or (32,), recipe, first_seed, workers, live))


@app.command()
def truth(
    crystals: Annotated[int, typer.Option(min=1)] = 20,
    recipe: Annotated[str, typer.Option(help="name or file")] = "default",
    first_seed: Annotated[int, typer.Option(min=0)] = 0,
    workers: Annotated[int, typer.Option(min=1, help="processes side by side")] = 2,
) -> None:
    """Strain, displacement, lattice, facets and dislocation lines of simulated crystals against the truth."""
    from braggline_service.bench.truth import run

    print_json(run(crystals, recipe, first_seed, workers))


@app.command()
def cleaning(detector: Annotated[str, typer.Option(help="of beamline id01")] = "maxipix") -> None:
    """Frames a second through the cleaning steps and through all of prepare(), on one core."""
    from braggline_service.bench.cleaning import measure_cleaning

    print_json(measure_cleaning(detector=detector))


@app.command()
def maps(side: Annotated[int, typer.Option(min=32, help="voxels a side")] = 128) -> None:
    """Seconds from the last iteration to the last file: maps, faces, lines, files, report."""
    from braggline_service.bench.maps import run

    print_json(run(side))


@app.command()
def simulator(
    volumes: Annotated[int, typer.Option(min=2, help="of 32^3, with noise and flaws")] = 400,
    points: Annotated[int, typer.Option(min=2, help="of the map, a side")] = 41,
    workers: Annotated[int, typer.Option(min=1, help="processes side by side, for the volumes")] = 2,
) -> None:
    """Training volumes a second, and seconds for a map of many crystals."""
    from braggline_service.bench.simulator import run

    print_json(run(volumes, points, workers))


@app.command()
def latency(sample: Annotated[str, typer.Option(help="platinum, simulated or a file")] = "platinum") -> None:
    """A scan on the emulated beamline with and without the service; needs a checkout with `make env`."""
    import json

    checkout = Path(__file__).parents[3]
    if not (checkout / "deploy" / "demo").is_dir():
        raise BadInput("bench latency: needs a checkout of braggline with its emulated beamline (deploy/demo)")
    command = [sys.executable, "-m", "demo", "--sample", sample, "--run-dir", "var/bench", "--json"]
    done = subprocess.run(command, cwd=checkout / "deploy", capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "the demo failed")
    result = json.loads(done.stdout.strip().splitlines()[-1])
    print_json({key: result[key] for key in LATENCY_KEYS})
