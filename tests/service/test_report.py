"""The report: one file that loads nothing, says what the result says, and draws the crystal where it is."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from braggline_service.nexus import ScanResult
from braggline_service.report import overview_figure, write_report


class Page(HTMLParser):
    """Text and links of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_holds_everything_and_loads_nothing(scan_result: ScanResult, tmp_path: Path) -> None:
    raw = write_report(tmp_path / "out.html", scan_result).read_text(encoding="utf-8")
    page = Page(raw)
    assert len(page.links) == 2
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert not re.search(r"url\(|@import|<script", raw)
    for text in ("é, a flag", "1.2000", "12.0 nm", "3 of 5 kept", "11 of 12 used, 1 missing", "rescan", "99 counts"):
        assert text in page.text, text
    assert [p.name for p in tmp_path.iterdir()] == ["out.html"]


def test_text_of_a_scan_cannot_become_markup(scan_result: ScanResult, tmp_path: Path) -> None:
    named = replace(scan_result, name="<script>alert(1)</script>", flags=("<b>",))
    page = write_report(tmp_path / "out.html", named).read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "<b>" not in page


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
    assert "What to measure next" not in write_report(tmp_path / "out.html", empty).read_text(encoding="utf-8")
