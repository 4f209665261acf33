"""How the result came about: quality, advice, cleaning, sample, provenance."""

from __future__ import annotations

import math

import numpy as np

from braggline_service.nexus import ScanResult
from braggline_service.report.markup import nothing, number, pairs, table


def headline(result: ScanResult) -> dict[str, str]:
    """The few numbers that a person asks first."""
    quality, volume = result.reconstruction.quality, result.volume
    return {
        "resolution": f"{number(quality.resolution_m, 3, 1e9)} nm",
        "strain rms": f"{number(result.strain.strain_rms, 3, 1e4)} · 10⁻⁴",
        "agreement": number(quality.agreement, 3),
        "runs kept": f"{quality.runs_kept} of {quality.runs_total}",
        "frames": f"{volume.frames_used} of {volume.frames_expected}",
        "voxel": f"{number(result.strain.voxel_size_m, 3, 1e9)} nm",
    }


def quality(result: ScanResult) -> str:
    """Every measure of trust."""
    told, volume = result.reconstruction.quality, result.volume
    count, size_nm = int(np.count_nonzero(result.strain.support)), result.strain.voxel_size_m * 1e9
    return pairs({
        "free log-likelihood": f"{told.free_llk:.4f} per voxel (log-likelihood {told.llk:.4f})",
        "resolution (half period)": f"{number(told.resolution_m, 3, 1e9)} nm",
        "agreement of the runs": f"{number(told.agreement, 4)} ({told.runs_kept} of {told.runs_total} kept)",
        "worst pair of runs": number(told.pairwise, 4),
        "first mode": number(told.mode_weight, 4),
        "strain rms": f"{result.strain.strain_rms:.3e}",
        "crystal": f"{count} voxels of {size_nm:.1f} nm, {count * (size_nm * 1e-3) ** 3:.3g} µm³",
        "frames": f"{volume.frames_used} of {volume.frames_expected} used, {result.frames_missing} missing",
        "q grid off its curve by": _share(volume.linearisation_error),
    })  # fmt: skip


def advice(result: ScanResult) -> str:
    """What to measure next and why."""
    told = result.recommendation
    if told is None:
        return nothing("No recommendation was made.")
    rows = {"action": told.action, "reason": told.reason, "expected gain": told.expected_gain}
    rows |= {_named(key): f"{value:.5g}" for key, value in told.parameters.items()}
    rows |= {"confidence": f"{told.confidence:.2f}", "limits reached": ", ".join(told.limits_hit) or "none"}
    return pairs(rows | {"good for": f"{told.expires_after_s:.0f} s"})


def cleaning(result: ScanResult) -> str:
    """What was taken out of the data before phasing."""
    steps = result.volume.cleaning
    if not steps:
        return nothing("Nothing was cleaned.")
    return table(
        ("step", "voxels", "counts removed"), ((s.name, f"{s.voxels}", f"{s.counts_removed:g}") for s in steps)
    )


def sample(result: ScanResult) -> str:
    """What is known of the crystal and the beam."""
    known, volume = result.sample, result.volume
    q = float(np.linalg.norm(volume.q_bragg_per_m))
    return pairs({
        "material": known.material or "not given",
        "reflection": _indices(known.reflection),
        "in-plane direction": _indices(known.in_plane),
        "photon energy": f"{volume.energy_eV / 1e3:.5g} keV" if math.isfinite(volume.energy_eV) else "not known",
        "|Q|": f"{q * 1e-9:.5g} 1/nm",
        "d-spacing at the peak": f"{2e12 * math.pi / q:.6g} pm" if q > 0 else "not known",
        "maps in the file": ", ".join([f"{result.strain.frame} frame", *(f"{name} frame" for name in result.frames)]),
    })  # fmt: skip


def provenance(result: ScanResult) -> str:
    """All that is needed to make the result again."""
    made = result.provenance
    rows = {"program": f"{made.program} {made.version}", "recipe": made.recipe_hash, "seed": str(made.seed)}
    rows |= {"made from": ", ".join(made.parents) or "not told", "computed in": f"{result.elapsed_s:.1f} s"}
    rows["iterations"] = str(result.reconstruction.iterations)
    recipe = {_named(key): str(value) for key, value in result.reconstruction.recipe.items()}
    return pairs(rows) + f"<details><summary>the recipe's settings</summary>{pairs(recipe)}</details>"


def _share(value: float) -> str:
    return f"{value * 100:.3g} % of the volume's diagonal" if math.isfinite(value) else "not known"


def _indices(direction: tuple[int, int, int] | None) -> str:
    return "not given" if direction is None else " ".join(str(index) for index in direction)


def _named(key: str) -> str:
    """range_deg reads 'range (deg)'."""
    name, _, unit = key.rpartition("_")
    return (
        f"{name.replace('_', ' ')} ({unit})"
        if name and unit in ("deg", "s", "m", "px", "eV")
        else key.replace("_", " ")
    )
