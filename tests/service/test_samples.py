"""What a scientist says of the sample."""

from __future__ import annotations

import pytest

from braggline_models.errors import BadInput
from braggline_service.samples import indices, sample_of
from braggline_service.settings import SampleSettings


@pytest.mark.parametrize("text", ["1,-1,0", "1 -1 0", "1-10", " 1, -1, 0 "])
def test_indices_in_any_hand(text: str) -> None:
    assert indices("in_plane", text) == (1, -1, 0)


@pytest.mark.parametrize("text", ["1,1", "a,b,c", "0,0,0", "11111"])
def test_what_are_no_indices_is_said(text: str) -> None:
    with pytest.raises(BadInput, match=r"reflection .* no three indices; write them like"):
        indices("reflection", text)


def test_what_is_told_stands_above_the_settings() -> None:
    settings = SampleSettings(material="pt", reflection=(1, 1, 1))
    assert sample_of(settings).material == "Pt"
    told = sample_of(settings, {"material": "au", "reflection": "", "in_plane": "1,-1,0"})
    assert (told.material, told.reflection, told.in_plane) == ("Au", (1, 1, 1), (1, -1, 0))
    with pytest.raises(BadInput, match="material 'Xx' is unknown; known are"):
        sample_of(settings, {"material": "Xx"})
