"""Maps to find crystals in: islands of all kinds under a nano-beam, seen by a piece of a detector at ID01's angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.spatial.distance import cdist

from braggline_models.learned.task import Values
from braggline_models.maps import CrystalMap, empty_map, find_crystals, reduced
from braggline_models.maps.find import substrate
from braggline_models.scan import Circle, Detector, Diffractometer
from braggline_models.simulate import (
    CrystalPlan,
    DetectorFlaws,
    MeshPlan,
    NanoBeam,
    ScanPlan,
    SpecimenRange,
    Substrate,
    bragg_angles_deg,
    drawn_specimen,
    map_scene,
)

SIDE_PX, POINTS, STEP_UM, ISLANDS = 96, 15, 0.25, (3, 8)
ENERGY_eV = 9000.0
FWHM_M = (120e-9, 250e-9)
PHOTONS = (3e3, 3e4)
DETECTABLE = 50.0  # counts of a frame with the island in the beam's middle: fainter ones are neither found nor false
NEAR_M = 200e-9  # from an island across the beam, which drifts by 50 nm: a hit
ID01 = Diffractometer(
    "id01", (Circle("eta", (0, -1, 0)), Circle("phi", (0, 0, -1))),
    (Circle("nu", (0, 0, -1)), Circle("delta", (0, -1, 0))), (0, 0, -1), (0, 1, 0),
)  # fmt: skip


@dataclass(frozen=True)
class Islands:
    """places_m (n, 2) along pix and piy, and counts (n,) of a frame with each in the middle of the beam.

    across  (2, 2) turns a way along pix and piy into one across the beam, which grazes the sample
    """

    places_m: NDArray[np.float64]
    counts: NDArray[np.float64]
    across: NDArray[np.float64]


def map_to_search(seed: int) -> tuple[CrystalMap, Islands]:
    """A map of that seed, and what there is to find."""
    rng = np.random.default_rng([seed, 5])
    middle = float(SIDE_PX // 2)
    detector = Detector("piece", (SIDE_PX, SIDE_PX), (55e-6, 55e-6), 0.5, (middle, middle))
    mask = np.zeros(detector.shape_px, bool)
    angles = bragg_angles_deg(CrystalPlan(), ID01, detector, (middle, middle), ENERGY_eV)
    scan = ScanPlan(ID01, detector, mask, angles, "eta", 0.01, 2, ENERGY_eV)
    mesh = MeshPlan((POINTS, POINTS), (STEP_UM, STEP_UM), photons=float(np.exp(rng.uniform(*np.log(PHOTONS)))))
    side = POINTS * STEP_UM
    specimen = drawn_specimen(
        int(rng.integers(*ISLANDS)), mesh.center_um, (side, side), rng, SpecimenRange(), substrate=Substrate(0.005)
    )
    beam = NanoBeam((float(np.exp(rng.uniform(*np.log(FWHM_M)))),) * 2)
    scene = map_scene(mesh, scan, specimen, beam, DetectorFlaws(), seed)
    map_ = empty_map(f"map_{seed}", ("pix", "piy"), mesh.positions_um * 1e-6, (STEP_UM * 1e-6, STEP_UM * 1e-6))
    map_ = map_.with_frames({k: reduced(scene.frame(k), mask) for k in range(POINTS**2)})
    places = np.array([(i.island.pix_um, i.island.piy_um) for i in scene.islands]).reshape(-1, 2) * 1e-6
    counts = np.array([scene.peak_counts(i) for i in scene.islands])
    return map_, Islands(places, counts, scene.view.to_lab[1:, :2])


def found_crystals(map_: CrystalMap, truth: Islands) -> Values:
    """(hits, false, missed) of find_crystals."""
    return matched(np.array([c.position_m for c in find_crystals(map_)]).reshape(-1, 2), map_, truth)


def found_by_threshold(map_: CrystalMap, truth: Islands) -> Values:
    """The same of connected points above five standard deviations of the substrate, each group one crystal."""
    level, noise = substrate(map_.peak_counts)
    groups, n = label((map_.peak_counts > level + 5 * noise).reshape(POINTS, POINTS), np.ones((3, 3)))
    flat = groups.ravel()
    weights = np.maximum(map_.peak_counts - level, 0.0)
    places = [np.average(map_.positions_m[flat == k], axis=0, weights=weights[flat == k]) for k in range(1, n + 1)]
    return matched(np.array(places).reshape(-1, 2), map_, truth)


def matched(found_m: NDArray[np.float64], map_: CrystalMap, truth: Islands) -> Values:
    """(hits, false, missed): nearest pairs first, each crystal once. Faint islands, and those whose middle lies
    outside the map, count neither way."""
    low, high = map_.positions_m.min(axis=0), map_.positions_m.max(axis=0)
    wanted = (truth.counts > DETECTABLE) & ((truth.places_m >= low) & (truth.places_m <= high)).all(axis=1)
    turned = truth.across.T
    distance = (
        cdist(found_m @ turned, truth.places_m @ turned)
        if len(found_m) and len(truth.places_m)
        else np.zeros((len(found_m), 0))
    )
    free_found, free_true = set(range(len(found_m))), set(range(len(truth.places_m)))
    hits = 0
    for k in np.argsort(distance, axis=None):
        i, j = divmod(int(k), distance.shape[1])
        if distance[i, j] > NEAR_M:
            break
        if i in free_found and j in free_true:
            free_found.discard(i)
            free_true.discard(j)
            hits += int(wanted[j])
    return float(hits), float(len(free_found)), float(np.count_nonzero(wanted) - hits)
