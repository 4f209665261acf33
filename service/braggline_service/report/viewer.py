"""The surface that can be turned: the mesh as compact data, drawn by viewer.js; the still picture where that cannot."""

from __future__ import annotations

import base64
import json
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braggline_service.report.colors import bounds, palette, shades
from braggline_service.report.markup import escaped, image, nothing, number
from braggline_service.report.surface import Layer, Surface
from braggline_service.report.surface_figure import VIEWS, view_matrix
from braggline_service.report.tubes import COLOR, tubes

AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
TUBE_VOXELS = 0.7  # radius
HELP = "Drag to turn, wheel to zoom, double click to go back. Look along"


def viewer(surface: Surface | None, still: bytes) -> str:
    """Viewer and still picture; a line in their place where there is no surface."""
    if surface is None:
        return nothing("No crystal, no surface.")
    # a '<' in a script could end it
    data = json.dumps(_data(surface), separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    code = (files("braggline_service.report") / "viewer.js").read_text(encoding="utf-8")
    return (
        image(still, "strain on the crystal's surface from three sides", "still").replace(
            "<img", "<img id='surface-still'"
        )
        + _controls(surface)
        + f"<script type='application/json' id='surface-data'>{data}</script><script>{code}</script>"
    )


def _controls(surface: Surface) -> str:
    options = "".join(f"<option value='{k}'>{escaped(layer.name)}</option>" for k, layer in enumerate(surface.layers))
    arrows = "".join(f"<g data-axis='{name}'><line/><text>{name}</text></g>" for name in (*AXES, "Q"))
    buttons = "".join(f"<button type='button'>{name}</button>" for name in (*AXES, "Q"))
    return (
        f"<div id='surface-view' hidden><div class='bar'><select aria-label='color by'>{options}</select>"
        f"<span class='legend'></span></div><canvas tabindex='0' aria-label='surface of the crystal'></canvas>"
        f"<svg viewBox='-48 -48 96 96'>{arrows}</svg><p class='none bar'>{HELP} {buttons}</p></div>"
    )


def _data(surface: Surface) -> dict[str, Any]:
    reach = float(np.linalg.norm(surface.vertices_nm, axis=1).max()) or 1.0
    places = np.round((surface.vertices_nm / reach + 1) / 2 * 65535)
    return {
        "vertices": _packed(places, "<u2"),
        "triangles": _packed(surface.triangles, "<u2"),
        "view": view_matrix(*next(iter(VIEWS.values()))).ravel().round(6).tolist(),
        "axes": {**AXES, "Q": surface.q_direction.round(6).tolist()},
        "layers": [_layer(layer) for layer in surface.layers],
        **_lines(surface, reach),
    }


def _lines(surface: Surface, reach: float) -> dict[str, Any]:
    """The dislocation lines as one more mesh in one color; nothing where there are none."""
    vertices, triangles = tubes(surface.lines_nm, TUBE_VOXELS * surface.voxel_nm)
    if not len(triangles):
        return {}
    places = np.round((np.clip(vertices / reach, -1, 1) + 1) / 2 * 65535)
    named = "dislocation line" if len(surface.lines_nm) == 1 else f"{len(surface.lines_nm)} dislocation lines"
    packed = {"vertices": _packed(places, "<u2"), "triangles": _packed(triangles, "<u2")}
    return {"lines": {**packed, "color": COLOR, "name": f"{named}, seen through the surface"}}


def _layer(layer: Layer) -> dict[str, Any]:
    low, high = bounds(layer)
    told: dict[str, Any] = {"shades": _packed(shades(layer), "|u1"), "palette": _packed(palette(layer), "|u1")}
    if layer.kind == "facet":
        return told | {"names": ["none", *layer.names]}
    return told | {"unit": layer.unit, "low": number(low, 3, signed=True), "high": number(high, 3, signed=True)}


def _packed(values: NDArray[Any], dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode()
