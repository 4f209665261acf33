"""braggline simulate: a scan of a crystal whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from braggline_service.cli.given import writable
from braggline_service.cli.told import say

ENERGY_eV = 9000.0


def command(
    out: Annotated[Path, typer.Option("-o", "--out", help="BLISS-like NeXus file to write")],
    frames: Annotated[int, typer.Option(min=5, help="of the rocking curve")] = 128,
    step: Annotated[float, typer.Option(help="of eta, deg")] = 0.006,
    detector: Annotated[str, typer.Option(help="of beamline id01")] = "mpx1x4",
    energy: Annotated[float, typer.Option(min=1000.0, help="eV")] = ENERGY_eV,
    material: Annotated[str, typer.Option(help="symbol of an fcc metal")] = "Pt",
    reflection: Annotated[str, typer.Option(help="h,k,l")] = "1,1,1",
    shape: Annotated[str, typer.Option(help="wulff, cut (by a substrate), octahedron or cube")] = "wulff",
    size_nm: Annotated[float, typer.Option(min=20.0, help="diameter of the crystal")] = 300.0,
    phase_range: Annotated[float, typer.Option(min=0.0, help="of the smooth displacement's phase, rad")] = 2.0,
    defect: Annotated[
        list[str] | None,
        typer.Option(help="screw, edge, mixed, stacking_fault, twin, or invisible-screw, ...; may be given again"),
    ] = None,
    photons: Annotated[float, typer.Option(min=1e3, help="in the whole scan")] = 1e7,
    coherence: Annotated[float, typer.Option(min=0.0, max=5.0, help="sigma of the blur of the counts, px")] = 0.0,
    background: Annotated[float, typer.Option(min=0.0, help="counts a pixel and frame")] = 0.0,
    hot: Annotated[int, typer.Option(min=0, help="pixels that always count")] = 0,
    dead: Annotated[int, typer.Option(min=0, help="pixels that never count")] = 0,
    zingers: Annotated[float, typer.Option(min=0.0, help="a frame, on average")] = 0.0,
    alien: Annotated[
        list[float] | None, typer.Option(help="its peak over the crystal's, 1e-4 to 1; may be given again")
    ] = None,
    saturation: Annotated[float, typer.Option(min=1.0, help="counts; by default the detector's")] = float("inf"),
    flux_noise: Annotated[float, typer.Option(min=0.0, max=0.5, help="rms of the beam, share of it")] = 0.0,
    monitor: Annotated[bool, typer.Option(help="a counter that follows the beam, in the file")] = True,
    drift: Annotated[float, typer.Option(min=0.0, max=6.0, help="of the crystal in the beam's sigma")] = 0.0,
    jitter: Annotated[float, typer.Option(min=0.0, max=0.9, help="rms of eta's error, steps")] = 0.0,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """A faceted crystal at ID01, with the defects and the flaws asked for; the truth goes to OUT.truth.npz."""
    from braggline_models.simulate import CrystalPlan, DetectorFlaws, ScanPlan, bragg_angles_deg, simulate_scan
    from braggline_models.simulate.plan import free_middle
    from braggline_service.beamlines import load_beamline
    from braggline_service.samples import indices
    from braggline_service.sources.truth import truth_path, write_truth
    from braggline_service.sources.write import write_bliss_nexus

    writable(out)
    beamline = load_beamline("id01")
    posed, mask = beamline.detector(detector)
    plan = CrystalPlan(
        material, indices("reflection", reflection), shape, size_nm * 1e-9, phase_range, tuple(defect or ())
    )
    flaws = DetectorFlaws(
        hot_pixels=hot, dead_pixels=dead, zingers_per_frame=zingers, alien_strengths=tuple(alien or ()),
        background=background, saturation=min(saturation, posed.saturation_counts), flux_noise=flux_noise,
        drift=drift, jitter_steps=jitter,
    )  # fmt: skip
    angles = bragg_angles_deg(plan, beamline.diffractometer, posed, free_middle(mask), energy)
    scan = ScanPlan(beamline.diffractometer, posed, mask, angles, "eta", step, frames, energy)
    curve, truth = simulate_scan(scan, plan, photons, seed, flaws, (coherence,) * 3, monitor)
    write_bliss_nexus(out, curve, detector if detector != beamline.detector_name(detector) else None)
    say(f"{out}\n{write_truth(truth_path(out), truth)}")
