"""Setup of the session id01: where scans are saved, and what each scan tells about detector and beam."""

import bliss.controllers.lima.counters as _counters
import bliss.controllers.lima.roi as _roi
from bliss import current_session
from bliss.config.static import get_config
from bliss.scanning.scan_meta import META_TIMING, get_user_scan_meta
from bliss.setup_globals import *  # noqa: F403

# blisswriter 1.0.0 looks for these where BLISS had them before 2.1; with them it writes BLISS's NeXus files as ever.
for _name in ("RoiStatCounter", "RoiProfileCounter", "RoiCollectionCounter"):
    setattr(_roi, _name, getattr(_counters, _name))

_about = get_config().get_config("demo_metadata").to_dict()


def _detector_and_beam(_scan):
    """The same groups as in ID01's files: instrument/DETECTOR, instrument/monochromator. BLISS saves positioners."""
    return {
        _about["detector"]: {"@NX_class": "NXdetector", **_about["geometry"]},
        "monochromator": {"@NX_class": "NXmonochromator", "Energy": _about["energy_eV"], "Energy@units": "eV"},
        "beamline": _about["beamline"],
    }


def _register():
    meta = get_user_scan_meta()
    meta.instrument.set("demo_beamline", _detector_and_beam)
    meta.instrument.timing = META_TIMING.START | META_TIMING.END
    current_session.scan_saving.base_path = _about["raw_data"]
    current_session.scan_saving.writer = "nexus"


_register()
