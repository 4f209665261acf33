"""Frames in a focused beam: what a wide beam sees is the rocking curve, and a strained lattice moves the peak."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from braggline_models.simulate.crystal_range import CrystalRange
from braggline_models.simulate.drawn import DrawnCrystal, drawn_crystal
from braggline_models.simulate.lit import Focus, across_beam, lattice_px, lit_crystal, lit_frames, moved

STILL = CrystalRange(coherence_sigma_px=(0.0, 0.0), photons=(1e6, 1e6))


@pytest.fixture(scope="module")
def crystal() -> DrawnCrystal:
    return drawn_crystal(32, np.random.default_rng(1), STILL)


def test_a_wide_beam_sees_the_frames_of_the_rocking_curve(crystal: DrawnCrystal) -> None:
    lit = lit_crystal(crystal)
    for step in (-3, 0, 2):
        frame = lit_frames(lit, Focus(1e-3), np.zeros((1, 2)), step)[0]
        np.testing.assert_allclose(frame, crystal.expected[16 + step], atol=2e-3 * crystal.expected.max())


def test_a_beam_beside_the_crystal_sees_nothing(crystal: DrawnCrystal) -> None:
    lit = lit_crystal(crystal)
    for place in ((600e-9, 0.0), (0.0, -600e-9)):
        assert lit_frames(lit, Focus(100e-9), np.array([place])).sum() < 1e-3
    middle, flank = lit_frames(lit, Focus(100e-9), np.array([(0.0, 0.0), (90e-9, 0.0)])).sum(axis=(1, 2))
    assert middle > flank > 0


def test_the_beam_comes_in_as_steeply_as_it_leaves(crystal: DrawnCrystal) -> None:
    u, v = across_beam(crystal)
    k_in, q = np.cross(u, v), crystal.q_bragg_per_m / np.linalg.norm(crystal.q_bragg_per_m)
    k_out = np.cross(crystal.q_step_per_m[:, 1], crystal.q_step_per_m[:, 2])
    assert abs(k_in @ q) == pytest.approx(abs(k_out @ q) / np.linalg.norm(k_out))
    assert u @ v == pytest.approx(0.0, abs=1e-12)


def test_a_lattice_under_a_ramp_moves_the_peak_and_is_told(crystal: DrawnCrystal) -> None:
    index = np.arange(32) - 16
    for axis, shift in ((1, 3.0), (2, -2.5)):
        ramp = np.exp(-2j * np.pi * shift / 32 * index).reshape([-1 if a == axis else 1 for a in range(3)])
        flat = replace(crystal, object_=np.abs(crystal.object_).astype(np.complex64))
        bent = replace(flat, object_=(flat.object_ * ramp).astype(np.complex64))
        told = lattice_px(lit_crystal(bent), Focus(150e-9), (20e-9, 0.0))
        assert told[axis] == pytest.approx(shift, abs=1e-4)
        at = np.zeros(2)
        at[axis - 1] = shift
        there = lit_frames(lit_crystal(bent), Focus(150e-9), np.array([(20e-9, 0.0)]))
        moved_there = lit_frames(
            lit_crystal(flat), Focus(150e-9), np.array([(20e-9, 0.0)]), 0.0, (16 + at[0], 16 + at[1])
        )
        np.testing.assert_allclose(there, moved_there, atol=1e-4 * there.max())


def test_a_moved_pattern_loses_what_leaves() -> None:
    pattern = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert (moved(pattern, (1, -2))[:, 1:, :2] == pattern[:, :2, 2:]).all()
    assert moved(pattern, (1, -2)).sum() == pattern[:, :2, 2:].sum()
