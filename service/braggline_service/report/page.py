"""The HTML page."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path

from matplotlib.figure import Figure

from braggline_service.nexus import ScanResult, written_whole
from braggline_service.report.figures import curve_figure, overview_figure

STYLE = """body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.4rem}h2{font-size:1.05rem;margin-top:2rem}table{border-collapse:collapse}
td,th{padding:.15rem .9rem .15rem 0;text-align:left;vertical-align:top}img{max-width:100%}.flag{color:#a33}
footer{color:#777;font-size:.85rem;margin-top:3rem}"""
FOOTER = "Strain and displacement along Q, in the sample frame: x along the beam, y outboard, z up."


def write_report(path: Path, result: ScanResult) -> Path:
    """A self-contained page at `path`: nothing is loaded from anywhere. Whole or not at all."""
    page = _page(result)
    with written_whole(path) as part:
        part.write_text(page, encoding="utf-8")
    return path


def _page(result: ScanResult) -> str:
    advice = result.recommendation
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{html.escape(result.name)}</title>",
        f"<style>{STYLE}</style><h1>Strain map of {html.escape(result.name)}</h1>",
        "".join(f"<p class='flag'>{html.escape(flag)}</p>" for flag in result.flags),
        _image(overview_figure(result), "slices of amplitude, phase, strain and uncertainty"),
        _image(curve_figure(result), "rocking curve and transfer function"),
        "<h2>Quality</h2>" + _table(_quality(result)),
    ]
    if advice is not None:
        rows = {"action": advice.action, **{k: f"{v:g}" for k, v in advice.parameters.items()}}
        rows |= {"reason": advice.reason, "expected gain": advice.expected_gain}
        rows |= {"confidence": f"{advice.confidence:.2f}", "limits reached": ", ".join(advice.limits_hit) or "none"}
        parts.append("<h2>What to measure next</h2>" + _table(rows))
    cleaning = {s.name: f"{s.voxels} voxels, {s.counts_removed:g} counts removed" for s in result.volume.cleaning}
    parts.append("<h2>Cleaning</h2>" + _table(cleaning))
    parts.append("<h2>Provenance</h2>" + _table(_provenance(result)))
    parts.append(f"<footer>{FOOTER}</footer>")
    return "".join(parts)


def _quality(result: ScanResult) -> dict[str, str]:
    quality, volume = result.reconstruction.quality, result.volume
    return {
        "free log-likelihood": f"{quality.free_llk:.4f} (per voxel; log-likelihood {quality.llk:.4f})",
        "resolution (half period)": f"{quality.resolution_m * 1e9:.1f} nm",
        "agreement of the runs": f"{quality.agreement:.4f} ({quality.runs_kept} of {quality.runs_total} kept)",
        "first mode": f"{quality.mode_weight:.4f}",
        "strain rms": f"{result.strain.strain_rms:.3e}",
        "frames": f"{volume.frames_used} of {volume.frames_expected} used, {result.frames_missing} missing",
    }


def _provenance(result: ScanResult) -> dict[str, str]:
    made = result.provenance
    rows = {"program": f"{made.program} {made.version}", "recipe": made.recipe_hash, "seed": str(made.seed)}
    rows |= {key: str(value) for key, value in result.reconstruction.recipe.items()}
    return rows | {"made from": ", ".join(made.parents)}


def _table(rows: dict[str, str]) -> str:
    cells = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in rows.items())
    return f"<table>{cells}</table>"


def _image(figure: Figure, text: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f"<p><img alt='{text}' src='data:image/png;base64,{data}'></p>"
