"""How the pixels of 34-ID-C lie, told by a real gold crystal: the streaks of its facets have the angles of {111} and
{100} planes in one of the eight ways to lay rows and columns, and in that one only.
All three axes reversed would look the same."""

from __future__ import annotations

import itertools
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from braggline_models.geometry import bragg_geometry
from braggline_models.preprocess import find_peak
from braggline_models.scan import RockingCurve
from braggline_service.sources.read import read_scan

PATH = Path(os.environ.get("BRAGGLINE_SHARED", Path(__file__).parents[3] / "shared")) / "data" / "aps34idc_s0054.h5"
SHELL_PER_M = (1e8, 4e8)  # beyond the first fringes, before the noise
STREAKS, APART_DEG = 5, 12.0
Y, Z = (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def minus(vector: tuple[float, float, float]) -> tuple[float, float, float]:
    return (-vector[0], -vector[1], -vector[2])


LAYOUTS = [(row, column) for a, b in ((Z, Y), (Y, Z)) for row in (a, minus(a)) for column in (b, minus(b))]


@pytest.fixture(scope="module")
def gold() -> RockingCurve:
    if not PATH.exists():
        pytest.skip("the shared data are not here (BRAGGLINE_SHARED)")
    return read_scan(PATH)


def streaks(curve: RockingCurve) -> tuple[np.ndarray, np.ndarray]:
    """Q/|Q| and the directions (STREAKS, 3) in which most of I |dq|^2 lies around the Bragg peak."""
    peak = find_peak(curve).center_px
    q_bragg, q_step = bragg_geometry(curve, peak)
    voxels = np.argwhere(curve.intensity > 2)
    dq = (voxels - peak) @ q_step.T
    length = np.linalg.norm(dq, axis=1)
    shell = (length > SHELL_PER_M[0]) & (length < SHELL_PER_M[1])
    weight = curve.intensity[tuple(voxels[shell].T)] * length[shell] ** 2
    directions = hemisphere(5000)
    nearest = cKDTree(np.concatenate([directions, -directions]))
    _, bins = nearest.query(dq[shell] / length[shell, None])
    total = np.bincount(bins % len(directions), weight, len(directions))
    cosine = np.abs(directions @ directions.T).astype(np.float32)
    smooth = (cosine > np.cos(np.deg2rad(2.5))) @ total
    brightest = (cosine > np.cos(np.deg2rad(APART_DEG))) * smooth
    peaks = np.flatnonzero(brightest.max(axis=1) == smooth)
    order = peaks[np.argsort(-smooth[peaks])]
    return q_bragg / np.linalg.norm(q_bragg), directions[order[:STREAKS]]


def hemisphere(n: int) -> np.ndarray:
    """n directions, evenly (Fibonacci)."""
    i = np.arange(n) + 0.5
    turn, z = np.pi * (1 + np.sqrt(5)) * i, i / n
    return np.stack([np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z], axis=1)


def misfit_deg(q_direction: np.ndarray, found: np.ndarray) -> float:
    """Mean angle from the streaks to the nearest {111} or {100} normal, the lattice turned about Q as fits best."""
    normals = np.array([*itertools.product((1, -1), repeat=3)]) / np.sqrt(3)
    normals = np.concatenate([normals[:4], np.eye(3)])
    lattice = frame_about(np.ones(3) / np.sqrt(3))
    crystal = frame_about(q_direction)
    best = 90.0
    for turn in np.deg2rad(np.arange(0.0, 360.0)):
        spin = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        cosine = np.abs(found @ (crystal @ spin @ lattice.T) @ normals.T).max(axis=1)
        best = min(best, float(np.rad2deg(np.arccos(np.minimum(cosine, 1.0))).mean()))
    return best


def frame_about(axis: np.ndarray) -> np.ndarray:
    """Right-handed orthonormal columns, the third along `axis`."""
    first = np.cross(axis, [1.0, 0.0, 0.0] if abs(axis[0]) < 0.9 else [0.0, 1.0, 0.0])
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(axis, first), axis], axis=1)


def test_facets_of_gold_tell_how_the_pixels_lie(gold: RockingCurve) -> None:
    misfits = {}
    for row, column in LAYOUTS:
        laid = replace(gold.diffractometer, row_direction=row, column_direction=column)
        misfits[row, column] = misfit_deg(*streaks(replace(gold, diffractometer=laid)))
    configured = misfits.pop((gold.diffractometer.row_direction, gold.diffractometer.column_direction))
    assert configured < 3.0
    assert min(misfits.values()) > 3 * configured, (configured, misfits)
