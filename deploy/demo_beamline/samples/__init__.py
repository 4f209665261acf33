"""What stands in the beam of the emulated beamline."""

from __future__ import annotations

from pathlib import Path

from braggline_models.errors import BadInput
from demo_beamline.samples.detectors import DETECTORS
from demo_beamline.samples.platinum import platinum
from demo_beamline.samples.recorded import RecordedSample
from demo_beamline.samples.sample import Sample, SuggestedScan
from demo_beamline.samples.simulated import simulated
from demo_beamline.samples.specimen import specimen

SAMPLES_FOLDER = Path(__file__).parents[3] / "var" / "samples"

KNOWN = "'platinum', 'simulated', 'specimen'"

__all__ = ["Sample", "SuggestedScan", "load_sample"]


def load_sample(name: str, detector: str = "maxipix", seed: int = 0) -> Sample:
    """'platinum', 'simulated', 'specimen', or a file of recorded frames, which brings its own detector."""
    if detector not in DETECTORS:
        raise BadInput(f"detector '{detector}' is not emulated; take one of {sorted(DETECTORS)}")
    if name == "platinum":
        return platinum(DETECTORS[detector], seed, SAMPLES_FOLDER)
    if name == "simulated":
        return simulated(DETECTORS[detector], seed)
    if name == "specimen":
        return specimen(DETECTORS[detector], seed)
    if not Path(name).is_file():
        raise BadInput(f"sample '{name}': no such file; take {KNOWN} or a file of recorded frames")
    return RecordedSample(Path(name))
