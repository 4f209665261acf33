"""Where the emulated ID01 stands with all motors at HOME, for samples that are simulated in its exact geometry."""

from __future__ import annotations

from braggline_models.scan import Detector, Diffractometer
from braggline_service.beamlines import load_beamline
from demo_beamline.places import ID01
from demo_beamline.samples.detectors import DetectorModel
from demo_beamline.samples.platinum import HOME

ENERGY_eV = 1e3 * HOME["mononrj"]


def at_home(detector: DetectorModel) -> tuple[Diffractometer, Detector, dict[str, float]]:
    """The circles, the detector in its place, and the angle of every circle in deg."""
    circles = load_beamline(str(ID01)).diffractometer
    posed = Detector(
        detector.bliss_name, detector.shape_px, (detector.pixel_size_m,) * 2, detector.distance_m,
        detector.beam_center_px,
    )  # fmt: skip
    return circles, posed, {name: HOME[name] for name in circles.circle_names}
