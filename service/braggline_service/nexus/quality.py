"""/entry_1/quality: how far the result can be trusted. Opens on the PRTF."""

from __future__ import annotations

import h5py

from braggline_service.nexus.groups import axis, scalar, texts
from braggline_service.nexus.scan_result import ScanResult


def write_quality(place: h5py.Group, result: ScanResult) -> None:
    """Every number of Quality, the frame counts and the flags."""
    quality, volume = result.reconstruction.quality, result.volume
    place.create_dataset("prtf", data=quality.prtf).attrs["units"] = ""
    place.create_dataset("fsc", data=quality.fsc).attrs["units"] = ""
    axis(place, "prtf_q", quality.prtf_q_per_m, "1/m")
    place.attrs["axes"] = ["prtf_q"]
    scalar(place, "free_llk", quality.free_llk)
    scalar(place, "llk", quality.llk)
    scalar(place, "resolution_m", quality.resolution_m, "m")
    scalar(place, "mode_weight", quality.mode_weight)
    scalar(place, "agreement", quality.agreement)
    scalar(place, "pairwise", quality.pairwise)
    scalar(place, "strain_rms", result.strain.strain_rms)
    scalar(place, "runs_kept", quality.runs_kept)
    scalar(place, "runs_total", quality.runs_total)
    scalar(place, "frames_expected", volume.frames_expected)
    scalar(place, "frames_used", volume.frames_used)
    scalar(place, "frames_missing", result.frames_missing)
    scalar(place, "aborted", result.aborted)
    texts(place, "flags", result.flags)
    texts(place, "reconstruction_flags", quality.flags)
