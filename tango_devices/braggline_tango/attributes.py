"""THE table: which field of a result is shown as which Tango attribute, with its unit, label and format.

A row reads one field of what the service keeps (`source` says where, `key` which); `reading.py` takes it from there.
No alarm limits: nothing here is wrong by its size alone, and a push beyond a limit would log an error each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

SIDE, LENGTH = 4300, 100_000  # largest picture side (an Eiger 4M and its gaps) and spectrum
DTYPES = {"str": str, "float": float, "int": int, "image": np.float32, "counts": np.uint32}


@dataclass(frozen=True)
class Row:
    """One attribute. kind: str, float, int, spectrum, lines (of text), image (float32) or counts (uint32 image).

    source: 'snapshot' and 'value' are fields of the board's Snapshot, 'json' a value shown as JSON, 'array' its
            arrays, 'slice' a cut of a volume across `axis` (0 z, 1 y, 2 x); 'status' a field of the ingest's status;
            'document' and 'parameter' are parts of the standing recommendation; 'later' has no source yet
    """

    name: str
    kind: str
    source: str
    key: str
    label: str
    description: str
    unit: str = ""
    format: str = ""
    minimum: float | None = None
    maximum: float | None = None
    axis: int = 0

    @property
    def rank(self) -> int:
        return {"spectrum": 1, "lines": 1, "image": 2, "counts": 2}.get(self.kind, 0)

    @property
    def empty(self) -> Any:
        """What is handed to Tango beside the quality INVALID."""
        none = {"str": "", "float": 0.0, "int": 0, "lines": [], "spectrum": np.zeros(0)}
        return none[self.kind] if self.kind in none else np.zeros((0, 0), DTYPES[self.kind])


INGEST = (
    Row("ScanKey", "str", "status", "scan", "scan", "the scan that is followed, or was followed last"),
    Row("FramesExpected", "int", "status", "expected", "frames expected", "announced by BLISS; 0: not known", "", "%d"),
    Row("FramesAcquired", "int", "status", "acquired", "frames acquired", "taken by the detector", "", "%d"),
    Row("FramesPublished", "int", "status", "published", "frames published", "in the scan's Redis stream", "", "%d"),
    Row("FramesMissing", "int", "status", "missing", "frames missing", "given up for good", "", "%d"),
    Row("Lag", "int", "status", "lag_frames", "lag", "acquired and not published yet", "frames", "%d"),
    Row("FrameRate", "float", "status", "frame_rate_hz", "frame rate", "published per second", "Hz", "%.1f"),
    Row("BytesBuffered", "int", "status", "bytes_buffered", "buffered", "pixels kept in Redis", "B", "%d"),
    Row(
        "LastFrame", "counts", "status", "last_frame", "last frame", "the frame published last (row, column)", "counts"
    ),
)


def _cuts(prefix: str, key: str, label: str, unit: str, what: str) -> tuple[Row, ...]:
    """Three cuts of one volume (z, y, x): the picture's rows and columns are the two axes that remain."""
    planes = (("XY", 0, "(y, x) at one z"), ("XZ", 1, "(z, x) at one y"), ("YZ", 2, "(z, y) at one x"))
    return tuple(
        Row(
            f"{prefix}{plane}",
            "image",
            "slice",
            key,
            f"{label} {plane}",
            f"{what} {axes}; NaN outside",
            unit,
            axis=axis,
        )
        for plane, axis, axes in planes
    )


RECONSTRUCTION = (
    *_cuts("Strain", "strain", "strain", "", "strain along Q, no unit,"),
    *_cuts("Phase", "phase_rad", "phase", "rad", "phase +Q.u"),
    *_cuts("Amplitude", "amplitude", "amplitude", "", "amplitude of the electron density, 1 in the crystal,"),
    *_cuts("DSpacing", "d_spacing_m", "lattice spacing", "m", "lattice spacing along Q"),
    *_cuts("Uncertainty", "uncertainty", "strain uncertainty", "", "one standard deviation of the strain"),
    Row(
        "SliceAmplitude",
        "image",
        "array",
        "slice_amplitude",
        "first look: amplitude",
        "the crystal seen along the rocking direction, from the brightest frame alone (row, column)",
    ),
    Row(
        "SlicePhase",
        "image",
        "array",
        "slice_phase_rad",
        "first look: phase",
        "phase +Q.u summed along the rocking direction, from the brightest frame alone (row, column)",
        "rad",
    ),
    Row(
        "RockingCurve", "spectrum", "array", "rocking_curve", "rocking curve", "counts of each frame", "counts", "%.0f"
    ),
    Row("FreeLlk", "float", "value", "free_llk", "free LLK", "log-likelihood of the voxels kept out", "", "%.4f"),
    Row("Resolution", "float", "value", "resolution_m", "resolution", "half period where the PRTF ends", "m", "%.2e"),
    Row("StrainRms", "float", "value", "strain_rms", "strain rms", "over the support, no unit", "", "%.2e"),
    Row(
        "StrainUncertainty", "float", "value", "uncertainty_median", "strain uncertainty", "median, no unit", "", "%.1e"
    ),
    Row(
        "LatticeParameter",
        "float",
        "value",
        "lattice_parameter_m",
        "lattice parameter",
        "of the bulk, from Q; needs Reflection",
        "m",
        "%.6e",
    ),
    Row("FacetCount", "int", "value", "facet_count", "facets", "flat faces found", "", "%d"),
    Row("Facets", "str", "json", "facets", "facets", "JSON: hkl, normal, area_m2, strain_mean of each"),
    Row("Statistics", "str", "json", "statistics", "statistics", "JSON: strain of all, surface and bulk"),
    Row("DefectCount", "int", "value", "defect_count", "defects", "visible in this reflection", "", "%d"),
    Row(
        "DefectProbability",
        "float",
        "value",
        "defect_probability",
        "defect probability",
        "of a line or fault, told by the pattern alone while the scan runs; needs triage in Learned",
        "",
        "%.2f",
        0.0,
        1.0,
    ),
    Row(
        "Defects",
        "str",
        "json",
        "defects",
        "defects",
        "JSON: lines and planes with kind, middle_m, direction or normal, g_dot_b, confidence of each",
    ),
    Row("VoxelSize", "float", "value", "voxel_size_m", "voxel size", "of the maps", "m", "%.3e"),
    Row("FramesUsed", "int", "value", "frames_used", "frames used", "in the result that is shown", "", "%d"),
    Row("ResultFile", "str", "value", "result_file", "result file", "NeXus file of the final result"),
    Row(
        "Foreseen",
        "float",
        "value",
        "foreseen_fraction",
        "foreseen",
        "share of the frames from which on previews agreed with the final map to 0.9",
        "",
        "%.2f",
    ),
    Row("Latency", "float", "value", "latency_s", "latency", "from the last frame to the final result", "s", "%.1f"),
    Row("Progress", "float", "snapshot", "progress", "progress", "of the scan's job", "", "%.2f", 0.0, 1.0),
    # last, so that whoever waits for a stage has had everything else
    Row("Stage", "str", "snapshot", "stage", "stage", "waiting, following, phasing, final, failed or aborted"),
)

ADVISOR = (
    Row("Recommendation", "str", "document", "", "recommendation", "the standing recommendation and its state, JSON"),
    Row("NextPosition", "float", "parameter", "center_deg", "next center", "middle of the next scan", "deg", "%.5f"),
    Row("NextExposure", "float", "parameter", "exposure_s", "next exposure", "of each frame", "s", "%.3f"),
    Row("NextRange", "float", "parameter", "range_deg", "next range", "from first to last frame", "deg", "%.4f"),
    Row("NextStep", "float", "parameter", "step_deg", "next step", "between two frames", "deg", "%.5f"),
    Row("Reason", "str", "document", "reason", "reason", "why, in one line, with the numbers"),
    Row("ExpectedGain", "str", "document", "expected_gain", "expected gain", "what it should bring, and its cost"),
    Row("Confidence", "float", "document", "confidence", "confidence", "a product of doubts", "", "%.2f", 0.0, 1.0),
    Row("ExpiresAt", "str", "document", "expires_at", "expires at", "when it lapses, ISO 8601"),
    Row(
        "CrystalMap", "image", "later", "", "crystal map", "crystals found on the sample; not made yet, always invalid"
    ),
    Row("Ranking", "str", "later", "", "ranking", "crystals by expected value, JSON; not made yet, always invalid"),
    Row("History", "lines", "document", "history", "history", "every change of state, newest last"),
)
