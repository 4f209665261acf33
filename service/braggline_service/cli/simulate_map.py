"""braggline simulate-map: a nano-beam's map of many crystals, all of them known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from braggline_service.cli.given import writable
from braggline_service.cli.simulate import ENERGY_eV
from braggline_service.cli.told import progress, say

HOME_um = 50.0  # of pix and piy, in the middle of their travel


def command(
    out: Annotated[Path, typer.Option("-o", "--out", help="BLISS-like NeXus file to write")],
    points: Annotated[int, typer.Option(min=2, help="a side")] = 41,
    step_nm: Annotated[float, typer.Option(min=1.0, help="of pix and piy")] = 250.0,
    crystals: Annotated[int, typer.Option(min=0)] = 40,
    size_nm: Annotated[tuple[float, float], typer.Option(help="diameter, from and to")] = (100.0, 500.0),
    tilt: Annotated[float, typer.Option(min=0.0, help="rms of the crystals', deg")] = 0.06,
    strain: Annotated[float, typer.Option(min=0.0, help="rms of their mean lattices")] = 3e-4,
    phase_range: Annotated[tuple[float, float], typer.Option(help="of their displacements, rad, from and to")] = (
        0.5,
        9.0,
    ),
    beam_nm: Annotated[float, typer.Option(min=10.0, help="full width at half maximum")] = 200.0,
    photons: Annotated[float, typer.Option(min=1.0, help="a frame of a perfect 300 nm crystal in the beam")] = 2e4,
    background: Annotated[float, typer.Option(min=0.0, help="counts a pixel and frame")] = 0.005,
    streak: Annotated[float, typer.Option(min=0.0, help="counts of the brightest pixel of the substrate's rod")] = 0.0,
    hot: Annotated[int, typer.Option(min=0, help="pixels that always count")] = 0,
    zingers: Annotated[float, typer.Option(min=0.0, help="a frame, on average")] = 0.0,
    flux_noise: Annotated[float, typer.Option(min=0.0, max=0.5, help="rms of the beam, share of it")] = 0.03,
    vibration_nm: Annotated[float, typer.Option(min=0.0, help="rms of the beam's place")] = 15.0,
    detector: Annotated[str, typer.Option(help="of beamline id01")] = "mpx1x4",
    material: Annotated[str, typer.Option(help="symbol of an fcc metal")] = "Pt",
    reflection: Annotated[str, typer.Option(help="h,k,l")] = "1,1,1",
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Crystals of all qualities on a substrate at ID01, scanned by pix and piy; the truth goes to OUT.truth.json."""
    import numpy as np

    from braggline_models.simulate import (
        CrystalPlan,
        DetectorFlaws,
        MeshPlan,
        NanoBeam,
        ScanPlan,
        SpecimenRange,
        Substrate,
        bragg_angles_deg,
        drawn_specimen,
        map_scene,
    )
    from braggline_models.simulate.plan import free_middle
    from braggline_service.beamlines import load_beamline
    from braggline_service.samples import indices
    from braggline_service.sources.write_map import map_truth_path, write_map, write_map_truth

    writable(out)
    beamline = load_beamline("id01")
    posed, mask = beamline.detector(detector)
    plan = CrystalPlan(material, indices("reflection", reflection))
    angles = bragg_angles_deg(plan, beamline.diffractometer, posed, free_middle(mask), ENERGY_eV)
    scan = ScanPlan(beamline.diffractometer, posed, mask, angles, "eta", 0.01, 2, ENERGY_eV)
    mesh = MeshPlan((points, points), (step_nm * 1e-3,) * 2, (HOME_um, HOME_um), photons)
    row, column = scan.peak_px
    range_ = SpecimenRange((size_nm[0] * 1e-9, size_nm[1] * 1e-9), tilt, strain, phase_range)
    side = points * step_nm * 1e-3
    specimen = drawn_specimen(
        crystals, (HOME_um, HOME_um), (side, side), np.random.default_rng(seed), range_, plan.material, plan.reflection,
        Substrate(background, streak, column, row - 60.0),
    )  # fmt: skip
    beam = NanoBeam((beam_nm * 1e-9,) * 2, flux_noise=flux_noise, vibration_m=vibration_nm * 1e-9)
    flaws = DetectorFlaws(hot_pixels=hot, zingers_per_frame=zingers, saturation=posed.saturation_counts)
    scene = map_scene(mesh, scan, specimen, beam, flaws, seed)
    with progress(f"{points * points} frames") as tell:
        for done in write_map(out, scene):
            tell(done / points**2)
    say(f"{out}\n{write_map_truth(map_truth_path(out), scene)}")
