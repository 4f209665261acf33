"""The beamline in a box: the real BLISS, its Redis and Tango database, and an emulated LimaCCDs, on the loopback."""

from demo_beamline.beamline import DemoBeamline

__all__ = ["DemoBeamline"]
