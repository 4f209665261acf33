"""braggline simulate: a scan of a crystal whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from braggline_service.cli.given import writable
from braggline_service.cli.told import say

BRAGG_DEG = {"eta": 17.7, "phi": 0.0, "nu": 0.0, "delta": 35.4}  # Pt (111) at 9 keV


def command(
    out: Annotated[Path, typer.Option("-o", "--out", help="BLISS-like NeXus file to write")],
    frames: Annotated[int, typer.Option(min=5, help="of the rocking curve")] = 128,
    size_nm: Annotated[float, typer.Option(min=20.0, help="diameter of the crystal")] = 300.0,
    phase_range: Annotated[float, typer.Option(min=0.0, help="of the displacement's phase, rad")] = 2.0,
    photons: Annotated[float, typer.Option(min=1e3, help="in the whole scan")] = 1e7,
    step: Annotated[float, typer.Option(help="of eta, deg")] = 0.006,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """A faceted crystal with a smooth displacement at ID01's Maxipix; the truth goes to OUT.truth.npz."""
    import numpy as np

    from braggline_models.simulate import simulate_curve
    from braggline_service.beamlines import load_beamline
    from braggline_service.nexus import written_whole
    from braggline_service.sources.write import write_bliss_nexus

    writable(out)
    beamline = load_beamline("id01")
    detector, mask = beamline.detector("mpx1x4")
    curve, truth = simulate_curve(
        beamline.diffractometer, detector, mask, BRAGG_DEG, "eta", step, frames, 9000.0,
        size_nm * 1e-9, phase_range, photons, seed,
    )  # fmt: skip
    write_bliss_nexus(out, curve)
    beside = out.with_suffix(".truth.npz")
    with written_whole(beside) as part, part.open("wb") as file:
        volume = truth.volume
        np.savez_compressed(
            file, object=truth.object_, q_step_per_m=volume.q_step_per_m, q_bragg_per_m=volume.q_bragg_per_m
        )
    say(f"{out}\n{beside}")
