"""Attributes of LimaCCDs that are written and read back: name, type, first value, and what is emulated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from demo_beamline.lima.files import FORMATS


@dataclass(frozen=True)
class Stored:
    """choices: the values that are emulated; empty: any."""

    name: str
    dtype: type
    value: Any
    choices: tuple[Any, ...] = ()

    def checked(self, value: Any) -> Any:
        """`value`, or ValueError that says what can be had instead."""
        if self.choices and value not in self.choices:
            raise ValueError(f"{self.name} = {value!r} is not emulated; it can be one of {list(self.choices)}")
        return value


STORED = tuple(
    Stored(*row)
    for row in (
        ("user_instrument_name", str, "instrument"),
        ("user_detector_name", str, "detector"),
        ("acq_mode", str, "SINGLE", ("SINGLE",)),
        ("acq_nb_frames", int, 1),
        ("acq_expo_time", float, 1.0),
        ("acq_trigger_mode", str, "INTERNAL_TRIGGER", ("INTERNAL_TRIGGER", "INTERNAL_TRIGGER_MULTI")),
        ("latency_time", float, 0.0),
        ("acc_max_expo_time", float, 1.0),
        ("concat_nb_frames", int, 1),
        ("saving_format", str, "HDF5", FORMATS),
        ("saving_suffix", str, ".h5", (".h5",)),
        ("saving_mode", str, "MANUAL", ("MANUAL", "AUTO_FRAME")),
        ("saving_managed_mode", str, "SOFTWARE", ("SOFTWARE",)),
        ("saving_directory", str, ""),
        ("saving_prefix", str, ""),
        ("saving_index_format", str, "%04d"),
        ("saving_next_number", int, 0),
        ("saving_overwrite_policy", str, "ABORT", ("ABORT",)),
        ("saving_frame_per_file", int, 1),
        ("saving_max_writing_task", int, 1),
        ("saving_statistics_history", int, 0),
        ("saving_statistics_log_enable", bool, False),
        ("video_source", str, "LAST_IMAGE", ("BASE_IMAGE", "LAST_IMAGE")),
        ("video_active", bool, False),
        ("video_live", bool, False, (False,)),
        ("video_exposure", float, 1.0),
    )
)
CHOICES = {s.name: [str(c) for c in s.choices] for s in STORED if s.dtype is str and s.choices}
CHOICES["image_rotation"] = ["NONE", "90", "180", "270"]
