"""The report: one file that loads nothing, says what the result says and what is not known, and draws the crystal."""

from __future__ import annotations

import base64
import json
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from braggline_models.results import DefectReport, FacetReport
from braggline_models.scan import Sample
from braggline_service.bench.output import example_result, measure_output
from braggline_service.nexus import ScanResult
from braggline_service.report import overview_figure, write_report
from braggline_service.report.colors import palette
from braggline_service.report.markup import number
from braggline_service.report.plots import Curve, plot, ticks
from braggline_service.report.surface import Layer, surface_of
from braggline_service.report.surface_figure import view_matrix
from braggline_service.report.tubes import tubes

CHECKOUT = Path(__file__).parents[2]


class Page(HTMLParser):
    """Text, links and scripts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.within: str = ""
        self.data: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]
        self.tags.append(tag)
        self.within = dict(attrs).get("id") or tag

    def handle_data(self, data: str) -> None:
        self.text += data
        self.data[self.within] = self.data.get(self.within, "") + data


def written(result: ScanResult, folder: Path) -> Page:
    return Page(write_report(folder / "out.html", result).read_text(encoding="utf-8"))


def test_holds_everything_and_loads_nothing(scan_result: ScanResult, tmp_path: Path) -> None:
    raw = write_report(tmp_path / "out.html", scan_result).read_text(encoding="utf-8")
    page = Page(raw)
    assert len(page.links) == 2
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert not re.search(r"url\(|@import|https?:|//[a-z]+\.|fetch\(|XMLHttp", re.sub(r"base64,[^']*", "", raw))
    assert "default-src 'none'" in raw
    for text in ("é, a flag", "1.2000", "12.0 nm", "3 of 5 kept", "11 of 12 used, 1 missing", "rescan", "99"):
        assert text in page.text, text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.html", "out_slices.png", "out_surface.png"]


def test_facets_defects_statistics_and_sample_are_told_with_units(scan_result: ScanResult, tmp_path: Path) -> None:
    text = written(scan_result, tmp_path).text
    for part in ("area (nm²)", "600.0", "1 1 1", "2.5", "+1.50", "screw", "stacking fault", "g·b", "2.00", "Pt",
                 "strain mean (10⁻⁴)", "displacement std (pm)", "3.00", "lattice parameter mean (pm)", "398.3717",
                 "9 keV", "1 -1 0", "the in-plane direction that was given", "sample frame, lab frame"):  # fmt: skip
        assert part in text, part


def test_what_is_not_there_is_said(scan_result: ScanResult, tmp_path: Path) -> None:
    quality = replace(scan_result.reconstruction.quality, fsc=np.zeros(0))
    bare = replace(
        scan_result, facets=FacetReport(), defects=DefectReport(), statistics={}, sample=Sample(), recommendation=None,
        volume=replace(scan_result.volume, cleaning=(), energy_eV=float("nan")), frames={},
        reconstruction=replace(scan_result.reconstruction, quality=quality),
    )  # fmt: skip
    text = written(bare, tmp_path).text
    assert text.count("Not searched.") == 2
    for part in ("Not worked out.", "No recommendation was made.", "Nothing was cleaned.", "not given", "FSC: not"):
        assert part in text, part
    searched = replace(bare, facets=FacetReport(searched=True), defects=DefectReport(searched=True))
    text = written(searched, tmp_path).text
    assert "None visible in this reflection" in text
    assert "g·b = 0" in text
    assert "No flat face found" in text


def test_a_preview_and_an_empty_crystal_are_written_too(scan_result: ScanResult, tmp_path: Path) -> None:
    nothing = np.zeros_like(scan_result.strain.support)
    empty = replace(
        scan_result,
        strain=replace(scan_result.strain, support=nothing),
        reconstruction=replace(scan_result.reconstruction, final=False),
        facets=FacetReport(),
    )
    page = written(empty, tmp_path)
    assert "No crystal, no surface." in page.text
    assert "preview, the scan was still running" in page.text
    assert "script" not in page.tags


def test_text_of_a_scan_cannot_become_markup(scan_result: ScanResult, tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script><b>$x_1$'\""
    named = replace(
        scan_result, name=evil, flags=(evil,), sample=Sample(evil, (1, 1, 1)), statistics={evil: {evil: 1.0}},
        provenance=replace(scan_result.provenance, parents=(evil,)),
        facets=replace(scan_result.facets, axes_from=evil),
        defects=replace(scan_result.defects, lines=(replace(scan_result.defects.lines[0], kind=evil),)),
    )  # fmt: skip
    raw = write_report(tmp_path / "out.html", named).read_text(encoding="utf-8")
    assert "alert(1)</script>" not in raw
    assert "<b>" not in raw
    assert Page(raw).tags.count("script") == 2


def test_the_viewer_gets_the_mesh_it_is_shown(scan_result: ScanResult, tmp_path: Path) -> None:
    surface = surface_of(scan_result)
    assert surface is not None
    data = json.loads(written(scan_result, tmp_path).data["surface-data"])
    assert [layer["palette"][:4] != "" for layer in data["layers"]] == [True] * 3
    assert data["layers"][2]["names"] == ["none", "1: 1 1 1", "2"]
    packed = np.frombuffer(base64.b64decode(data["vertices"]), "<u2").reshape(-1, 3)
    reach = np.linalg.norm(surface.vertices_nm, axis=1).max()
    np.testing.assert_allclose((packed / 65535 * 2 - 1) * reach, surface.vertices_nm, atol=reach * 4e-5)
    triangles = np.frombuffer(base64.b64decode(data["triangles"]), "<u2").reshape(-1, 3)
    np.testing.assert_array_equal(triangles, surface.triangles)
    np.testing.assert_allclose(
        np.reshape(data["view"], (3, 3)) @ np.reshape(data["view"], (3, 3)).T, np.eye(3), atol=1e-5
    )


def test_dislocation_lines_are_drawn_where_they_lie(scan_result: ScanResult, tmp_path: Path) -> None:
    """A line along z at x = +2, y = -1 voxels from the ball's center; nothing where there is none."""
    path_m = 5e-9 * np.array([[z, 7 - 1, 8 + 2] for z in np.linspace(3.0, 9.0, 13)])
    line = replace(scan_result.defects.lines[0], position_m=path_m)
    result = replace(scan_result, defects=DefectReport((line,), True))
    surface = surface_of(result)
    assert surface is not None
    np.testing.assert_allclose(surface.lines_nm[0][:, :2], [[10.0, -5.0]] * 13, atol=1.5)
    data = json.loads(written(result, tmp_path).data["surface-data"])
    packed = np.frombuffer(base64.b64decode(data["lines"]["vertices"]), "<u2").reshape(-1, 3)
    reach = np.linalg.norm(surface.vertices_nm, axis=1).max()
    np.testing.assert_allclose(
        (packed / 65535 * 2 - 1).mean(axis=0) * reach, surface.lines_nm[0].mean(axis=0), atol=0.1
    )
    vertices, triangles = tubes([surface.lines_nm[0]], 3.5)
    a, b, c = (vertices[triangles[:, k]].astype(float) for k in range(3))
    outward = (a + b + c) / 3 - surface.lines_nm[0].mean(axis=0)
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a)[:, :2], outward[:, :2]) > 0).all()
    none = written(replace(result, defects=DefectReport((), True)), tmp_path)
    assert "lines" not in json.loads(none.data["surface-data"])


@pytest.mark.parametrize("points", [1, 2, 500])
def test_a_path_of_any_length_has_a_tube_or_none(points: int) -> None:
    path = np.linspace([0.0, 0.0, 0.0], [1.0, 2.0, 3.0], points)
    vertices, triangles = tubes([path], 0.1)
    assert (len(triangles) > 0) == (points > 1)
    assert len(vertices) <= 6 * 60
    assert np.isfinite(vertices).all()


def test_the_surface_is_the_crystals_and_seen_from_outside(scan_result: ScanResult) -> None:
    surface = surface_of(scan_result)
    assert surface is not None
    a, b, c = (surface.vertices_nm[surface.triangles[:, k]].astype(float) for k in range(3))
    volume = np.einsum("ij,ij->", a, np.cross(b, c)) / 6
    crystal = np.count_nonzero(scan_result.strain.support) * 5.0**3
    assert volume == pytest.approx(crystal, rel=0.2)  # smoothing takes a sixth of so small a ball
    edges = np.sort(surface.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert set(np.unique(edges, axis=0, return_counts=True)[1]) == {2}  # closed
    # strain grows along x by 1e-4 a voxel of 5 nm; what a vertex shows is the mean of the crystal's side of it
    slope = np.polyfit(surface.vertices_nm[:, 0], surface.layers[0].values, 1)[0]
    assert slope == pytest.approx(1 / 5.0, rel=0.25)
    top = surface.layers[2].values[np.argmax(surface.vertices_nm[:, 2])]
    assert top == 1


def test_facets_have_colors_of_their_own() -> None:
    colors = palette(Layer("facet", "", np.zeros(1, np.float32), "facet"))
    assert colors.shape == (256, 3)
    assert len({tuple(color) for color in colors[:22]}) == 22


def test_a_large_surface_is_walked_in_larger_steps() -> None:
    surface = surface_of(example_result(128))
    assert surface is not None
    assert len(surface.vertices_nm) < 30_000
    edges = np.sort(surface.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert set(np.unique(edges, axis=0, return_counts=True)[1]) == {2}


def test_the_eye_from_the_front_sees_z_up_and_a_right_handed_frame() -> None:
    view = view_matrix(-90.0, 0.0)
    np.testing.assert_allclose(view, [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-12)
    assert np.linalg.det(view_matrix(30.0, 50.0)) == pytest.approx(1)


def test_pictures_beside_the_page_are_png_of_a_readable_size(scan_result: ScanResult, tmp_path: Path) -> None:
    write_report(tmp_path / "out.html", scan_result)
    for name in ("out_slices.png", "out_surface.png"):
        raw = (tmp_path / name).read_bytes()
        width, height = struct.unpack(">II", raw[16:24])
        assert raw.startswith(b"\x89PNG")
        assert 1000 <= width <= 1600
        assert 300 <= height <= 1400


def test_curves_without_a_number_and_flat_ones_are_drawn(scan_result: ScanResult, tmp_path: Path) -> None:
    nothing = np.full(3, np.nan)
    assert "nothing measured" in plot("t", "x", "y", [Curve("a", np.arange(3.0), nothing)])
    assert "nan" not in plot("t", "x", "y", [Curve("a", np.arange(3.0), np.full(3, 7.0))])
    assert "nan" not in plot("t", "x", "y", [Curve("a", np.zeros(1), np.full(1, 7.0))], log=True)
    assert "nothing measured" in written(replace(scan_result, rocking_curve=np.zeros(12)), tmp_path).text


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (-3, 2, [-3, -2, -1, 0, 1, 2]), (1e-9, 9e-9, None)],
)
def test_ticks_are_round_and_inside(low: float, high: float, expected: list[float] | None) -> None:
    found = ticks(low, high)
    assert 3 <= len(found) <= 11
    assert low - 1e-12 <= found[0]
    assert found[-1] <= high + 1e-12
    if expected:
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.0, "0.00"),
        (12345.6, "12346"),
        (-1.5e-4, "−0.000150"),
        (float("nan"), "–"),
        (2e-9, "2.00e−09"),
        (99.97, "100.0"),
    ],
)
def test_numbers_have_significant_digits(value: float, told: str) -> None:
    assert number(value) == told


def test_the_viewers_script_is_one_that_runs() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node to check the script with")
    script = CHECKOUT / "service/braggline_service/report/viewer.js"
    assert subprocess.run([node, "--check", str(script)], check=False, timeout=60).returncode == 0


def test_script_and_style_travel_in_the_wheel(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the wheel's builder is not installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True, timeout=120)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        assert {f"braggline_service/report/{name}" for name in ("viewer.js", "page.css")} <= set(wheel.namelist())


def test_output_is_measured(tmp_path: Path) -> None:
    seconds = measure_output(example_result(24), tmp_path)
    assert seconds["total"] == pytest.approx(seconds["file_and_vti"] + seconds["report"])
    assert all(0 < value < 60 for value in seconds.values())


def test_strain_is_colored_evenly_around_zero_and_pictures_show_the_crystal(scan_result: ScanResult) -> None:
    figure = overview_figure(scan_result)
    pictures = [axis.images[0] for axis in figure.axes if axis.images]
    assert len(pictures) == 12
    assert all(picture.norm.vmin == -picture.norm.vmax for picture in pictures[3:9])
    shown = np.ma.filled(pictures[6].get_array().astype(float), np.nan)
    assert np.isfinite(shown).any()
    assert max(shown.shape) < max(scan_result.strain.support.shape)
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert any(text.endswith(" nm") for text in labels)


@pytest.mark.parametrize("field", ["uncertainty", "strain"])
def test_maps_without_numbers_are_drawn_empty(scan_result: ScanResult, tmp_path: Path, field: str) -> None:
    nothing = np.full(scan_result.strain.support.shape, np.nan, np.float32)
    empty = replace(scan_result, strain=replace(scan_result.strain, **{field: nothing}), recommendation=None)
    assert "No recommendation was made." in written(empty, tmp_path).text
