"""The sample as settings, the command line and the shell tell it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from braggline_models.errors import BadInput
from braggline_models.geometry.materials import material
from braggline_models.scan import Sample
from braggline_service.settings import SampleSettings

Indices = tuple[int, int, int]


def sample_of(settings: SampleSettings, told: Mapping[str, Any] | None = None) -> Sample:
    """The settings with what was told on top: material, reflection and in_plane as text such as 'Pt' and '1 1 1'.

    Empty text leaves a setting alone. BadInput for an unknown material or what are no indices.
    """
    told = {key: str(value) for key, value in (told or {}).items() if value}
    symbol = told.get("material", settings.material)
    return Sample(
        material=material(symbol).name if symbol else "",
        reflection=indices("reflection", told["reflection"]) if "reflection" in told else settings.reflection,
        in_plane=indices("in_plane", told["in_plane"]) if "in_plane" in told else settings.in_plane,
    )


def indices(name: str, text: str) -> Indices:
    """'1 1 1', '1,1,1' or, of single digits, '111' and '-111' as three integers, not all zero; BadInput otherwise."""
    words = text.replace(",", " ").split()
    if len(words) == 1:
        words = _digits(words[0])
    try:
        h, k, l = (int(word) for word in words)  # noqa: E741  they are called so
    except ValueError:
        h = k = l = 0  # noqa: E741
    if (h, k, l) == (0, 0, 0):
        raise BadInput(f"{name} '{text}': no three indices; write them like 1,1,1 or 0,-2,2")
    return h, k, l


def _digits(text: str) -> list[str]:
    found: list[str] = []
    for mark in text:
        if found and found[-1] == "-":
            found[-1] += mark
        else:
            found.append(mark)
    return found
