"""Maps: a sample scanned through a small beam at one rocking angle, a frame a point; crystals found in them."""

from braggline_models.maps.candidates import Candidate, renumbered
from braggline_models.maps.crystal_map import CrystalMap, empty_map
from braggline_models.maps.find import find_crystals
from braggline_models.maps.reduce import FrameValues, reduced
from braggline_models.maps.view import patch

__all__ = ["Candidate", "CrystalMap", "FrameValues", "empty_map", "find_crystals", "patch", "reduced", "renumbered"]
