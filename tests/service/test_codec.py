"""Compression by law: what goes in comes out, and damage is told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from braggline_service.codec import CorruptFrame, decode, encode


@pytest.mark.parametrize("dtype", ["u1", "<u2", "<u4", "<i4", "<u8", "<f4", "<f8"])
@pytest.mark.parametrize("shape", [(1, 1), (516, 516), (7, 1030)])
def test_round_trip(dtype, shape):
    image = np.random.default_rng(1).integers(0, 200, shape).astype(dtype)
    again = decode(encode(image), shape, image.dtype.str)
    assert again.dtype == image.dtype
    np.testing.assert_array_equal(again, image)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_any_shape(rows, columns, seed):
    image = np.random.default_rng(seed).integers(0, 65535, (rows, columns), dtype=np.uint16)
    np.testing.assert_array_equal(decode(encode(image), image.shape, image.dtype.str), image)


def test_views_are_packed_as_they_look():
    image = np.arange(600, dtype=np.uint32).reshape(20, 30)
    for view in (image.T, image[::2, 3:17], image[::-1]):
        np.testing.assert_array_equal(decode(encode(view), view.shape, view.dtype.str), view)


def test_photon_counts_get_small():
    image = np.random.default_rng(2).poisson(0.05, (516, 516)).astype(np.uint32)
    assert len(encode(image)) < image.nbytes / 10


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: d[: len(d) // 2], lambda d: b"", lambda d: d + b"abc"])
def test_damage_is_told(damage):
    image = np.random.default_rng(3).integers(0, 65535, (64, 64), dtype=np.uint16)
    with pytest.raises(CorruptFrame, match="64, 64"):
        decode(damage(encode(image)), image.shape, image.dtype.str)
