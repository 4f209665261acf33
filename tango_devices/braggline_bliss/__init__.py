"""The object `bragg` of the BLISS shell. A Tango client, nothing more: it needs bliss and pytango and no part of
braggline's service; it runs in BLISS's own environment (PYTHONPATH=.../tango_devices, or pip install braggline[bliss]).
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Beacon asks for `Bragg` here; the parts below it stay importable where there is no BLISS."""
    if name == "Bragg":
        from braggline_bliss.bragg import Bragg

        return Bragg
    raise AttributeError(f"module 'braggline_bliss' has no '{name}'")
