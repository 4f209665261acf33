"""The HTML page and the pictures beside it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from matplotlib.figure import Figure

from braggline_service.nexus import ScanResult, written_whole
from braggline_service.report import curves, findings, story
from braggline_service.report.figures import overview_figure
from braggline_service.report.markup import escaped, image, section
from braggline_service.report.surface import Surface, surface_of
from braggline_service.report.surface_figure import surface_figure
from braggline_service.report.viewer import viewer

DPI = 110
# the browser itself refuses whatever would be loaded from anywhere
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
FOOTER = (
    "Strain and displacement along Q, in the sample frame: x along the beam, y outboard, z up. Strain is relative to "
    "the crystal's mean lattice. The surface is drawn through the support's edge; it and the colors on it are smoothed "
    "over about one voxel. Colors end at the 99th percentile."
)


@dataclass(frozen=True)
class Pictures:
    """The surface as a mesh, and what is drawn beside the page and in it, as PNG."""

    mesh: Surface | None
    slices: bytes
    surface: bytes


def pictures_of(result: ScanResult) -> Pictures:
    """Everything that is drawn, once."""
    mesh = surface_of(result)
    return Pictures(mesh, _png(overview_figure(result)), _png(surface_figure(result, mesh)))


def write_report(path: Path, result: ScanResult) -> Path:
    """A self-contained page at `path`: nothing is loaded from anywhere. Whole or not at all.

    Beside it NAME_slices.png and NAME_surface.png, the same pictures.
    """
    pictures = pictures_of(result)
    page = page_of(result, pictures)
    for name, data in (("slices", pictures.slices), ("surface", pictures.surface)):
        with written_whole(path.with_name(f"{path.stem}_{name}.png")) as part:
            part.write_bytes(data)
    with written_whole(path) as part:
        part.write_text(page, encoding="utf-8")
    return path


def page_of(result: ScanResult, pictures: Pictures) -> str:
    """The whole page."""
    style = (files("braggline_service.report") / "page.css").read_text(encoding="utf-8")
    chips = "".join(f"<div><dt>{escaped(k)}</dt><dd>{escaped(v)}</dd></div>" for k, v in story.headline(result).items())
    slices = image(pictures.slices, "slices of amplitude, phase, strain and uncertainty")
    sections = (
        section("Surface", viewer(pictures.mesh, pictures.surface), "large"),
        section(
            "Quality",
            story.quality(result) + "<h2 class='next'>Strain by place</h2>" + findings.statistics(result),
            "small",
        ),
        section("Slices through the center", slices, "full"),
        section("Rocking curve", curves.rocking_curve(result)),
        section("Phase retrieval transfer function and resolution", curves.transfer(result)),
        section("Facets", findings.facets(result), "full"),
        section("Defects", findings.defects(result), "full"),
        section("What to measure next", story.advice(result)),
        section("Sample and beam", story.sample(result) + "<h2 class='next'>Cleaning</h2>" + story.cleaning(result)),
        section("Provenance", story.provenance(result), "full"),
    )
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{escaped(result.name)}</title>"
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<meta name='viewport' content='width=device-width'><style>{style}</style></head><body>{_header(result)}"
        f"<dl class='chips'>{chips}</dl><main>{''.join(sections)}</main><footer>{FOOTER}</footer></body></html>"
    )


def _header(result: ScanResult) -> str:
    made = result.provenance
    kind = "final result" if result.reconstruction.final else "preview, the scan was still running"
    flags = "".join(f"<p class='flag'>{escaped(flag)}</p>" for flag in result.flags)
    told = f"{kind} · {escaped(made.program)} {escaped(made.version)} · {result.elapsed_s:.1f} s"
    return f"<header><h1>Strain map of {escaped(result.name)}</h1><p class='made'>{told}</p>{flags}</header>"


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()
