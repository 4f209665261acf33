"""What the emulated LimaCCDs is told at its start, and the devices that it shows in the Tango database."""

from __future__ import annotations

from dataclasses import dataclass

from tango import Database, DbDevInfo

from demo_beamline.lima.axes import AxisPositions
from demo_beamline.samples import Sample
from demo_beamline.samples.sample import Frame

DOMAIN = "id01"
ROI_COUNTER = "roicounter"
NOT_EMULATED = ("roi2spectrum", "bpm", "mask", "flatfield", "backgroundsubstraction")
QUIET = "simulator"  # the camera's own device: BLISS asks for it and needs nothing of it


@dataclass(frozen=True)
class Setup:
    instance: str
    sample: Sample
    axes: AxisPositions
    buffer_frames: int

    def expose(self, exposure_s: float, index: int) -> Frame:
        """The raw frame that the sample gives for the motor positions of this moment."""
        return self.sample.frame(self.axes.read(), exposure_s, index)

    @property
    def device(self) -> str:
        return f"{DOMAIN}/limaccds/{self.instance}"

    def plugin_names(self) -> dict[str, str]:
        """{plugin type as BLISS asks for it: Tango device}."""
        return {kind: f"{DOMAIN}/{kind}/{self.instance}" for kind in (ROI_COUNTER, *NOT_EMULATED, QUIET)}

    def register(self) -> None:
        """Write the devices into the Tango database, whose memory ends with its process."""
        database = Database()
        classes = dict.fromkeys(NOT_EMULATED, "UnavailablePlugin")
        classes |= {ROI_COUNTER: "RoiCounterPlugin", QUIET: "QuietPlugin"}
        devices = [("LimaCCDs", self.device)]
        devices += [(classes[kind], name) for kind, name in self.plugin_names().items()]
        for device_class, name in devices:
            info = DbDevInfo()
            info.server, info._class, info.name = f"LimaCCDs/{self.instance}", device_class, name
            database.add_device(info)
