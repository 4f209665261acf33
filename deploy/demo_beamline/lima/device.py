"""The Tango device LimaCCDs, as BLISS's Lima controller and blissdata's Lima client use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from tango import AttrWriteType, DevState
from tango.server import Device, attribute, command

from demo_beamline.lima.acquisition import Acquisition, Plan
from demo_beamline.lima.attributes import CHOICES, STORED
from demo_beamline.lima.files import FrameFiles, SavingPlan
from demo_beamline.lima.image import TURNS, ImageGeometry
from demo_beamline.lima.ring import RingBuffer
from demo_beamline.lima.setup import Setup
from demo_beamline.lima.wire import data_array

RW = AttrWriteType.READ_WRITE


class LimaCCDs(Device):
    """One detector. `setup` says what it sees; plugins add themselves to `listeners`."""

    setup: ClassVar[Setup]
    listeners: ClassVar[list[Any]] = []

    def init_device(self) -> None:
        super().init_device()
        self.values = {s.name: s.value for s in STORED}
        self.geometry = ImageGeometry(self.setup.sample.detector.shape_px)
        self.ring = RingBuffer(self.setup.buffer_frames)
        self.acquisition = self._new(None)
        self.set_state(DevState.ON)

    def initialize_dynamic_attributes(self) -> None:
        for stored in STORED:
            self.add_attribute(
                attribute(
                    name=stored.name, dtype=stored.dtype, access=RW, fget=self.read_stored, fset=self.write_stored
                )
            )

    def read_stored(self, attr: Any) -> Any:
        return self.values[attr.get_name()]

    def write_stored(self, attr: Any) -> None:
        name, value = attr.get_name(), attr.get_write_value()
        value = next(s for s in STORED if s.name == name).checked(value)
        if name in ("saving_prefix", "saving_directory") and value != self.values[name]:
            self._end_files()
            self.values["saving_next_number"] = 0
        self.values[name] = value

    # ---- what the detector is
    lima_version = attribute(dtype=str, fget=lambda self: "1.10.0")
    lima_type = attribute(dtype=str, fget=lambda self: "Simulator")
    camera_type = attribute(dtype=str, fget=lambda self: "Simulator")
    camera_model = attribute(dtype=str, fget=lambda self: self.setup.sample.detector.model)
    camera_pixelsize = attribute(
        dtype=(float,), max_dim_x=2, fget=lambda self: [self.setup.sample.detector.pixel_size_m] * 2
    )
    image_type = attribute(dtype=str, fget=lambda self: "Bpp32")
    image_max_dim = attribute(
        dtype=("DevULong",), max_dim_x=2, fget=lambda self: list(self.geometry.raw_shape_px[::-1])
    )
    image_sizes = attribute(dtype=("DevULong",), max_dim_x=4, fget=lambda self: [0, 4, *self.geometry.shape_px[::-1]])
    buffer_max_number = attribute(dtype=int, fget=lambda self: self.ring.size)

    # ---- how far it is
    acq_status = attribute(dtype=str, fget=lambda self: self.acquisition.status)
    acq_status_fault_error = attribute(dtype=str, fget=lambda self: self.acquisition.fault)
    ready_for_next_image = attribute(dtype=bool, fget=lambda self: self.acquisition.status == "Ready")
    ready_for_next_acq = attribute(dtype=bool, fget=lambda self: self.acquisition.status == "Ready")
    last_image_acquired = attribute(dtype=int, fget=lambda self: self.acquisition.acquired)
    last_base_image_ready = attribute(dtype=int, fget=lambda self: self.acquisition.acquired)
    last_image_ready = attribute(dtype=int, fget=lambda self: self.acquisition.acquired)
    last_counter_ready = attribute(dtype=int, fget=lambda self: self.acquisition.acquired)
    last_image_saved = attribute(dtype=int, fget=lambda self: self.acquisition.saved)

    # ---- image geometry
    @attribute(dtype=("DevULong",), max_dim_x=2, access=RW)
    def image_bin(self) -> Sequence[int]:
        return self.geometry.binning

    @image_bin.write  # type: ignore[no-redef]
    def image_bin(self, value: Sequence[int]) -> None:
        self.geometry = replace(self.geometry, binning=(int(value[0]), int(value[1])), roi=None)

    @attribute(dtype=(bool,), max_dim_x=2, access=RW)
    def image_flip(self) -> Sequence[bool]:
        return self.geometry.flip

    @image_flip.write  # type: ignore[no-redef]
    def image_flip(self, value: Sequence[bool]) -> None:
        self.geometry = replace(self.geometry, flip=(bool(value[0]), bool(value[1])), roi=None)

    @attribute(dtype=str, access=RW)
    def image_rotation(self) -> str:
        return self.geometry.rotation

    @image_rotation.write  # type: ignore[no-redef]
    def image_rotation(self, value: str) -> None:
        if value not in TURNS:
            raise ValueError(f"image_rotation = {value!r} is not one of {list(TURNS)}")
        self.geometry = replace(self.geometry, rotation=value, roi=None)

    @attribute(dtype=("DevULong",), max_dim_x=4, access=RW)
    def image_roi(self) -> Sequence[int]:
        return self.geometry.window

    @image_roi.write  # type: ignore[no-redef]
    def image_roi(self, value: Sequence[int]) -> None:
        self.geometry = self.geometry.with_roi(value)

    # ---- commands
    @command(dtype_in=str, dtype_out=(str,))
    def getAttrStringValueList(self, name: str) -> list[str]:
        return CHOICES.get(name, [])

    @command(dtype_in=str, dtype_out=str)
    def getPluginDeviceNameFromType(self, plugin: str) -> str:
        return self.setup.plugin_names().get(plugin.lower(), "")

    @command(dtype_out=(str,))
    def getPluginNameList(self) -> list[str]:
        return list(self.setup.plugin_names())

    @command
    def prepareAcq(self) -> None:
        self._end_files()
        self.ring.clear()
        self.acquisition = self._new(FrameFiles(self._saving()) if self.values["saving_mode"] == "AUTO_FRAME" else None)

    @command
    def startAcq(self) -> None:
        self.acquisition.start()

    @command
    def stopAcq(self) -> None:
        self._end_files()

    @command
    def reset(self) -> None:
        self.stopAcq()

    @command(dtype_in=int, dtype_out="DevEncoded")
    def readImage(self, index: int) -> tuple[str, bytes]:
        found, frame = self.ring.get(index)
        return data_array(frame, found)

    # ---- inside
    def _new(self, files: FrameFiles | None) -> Acquisition:
        values = self.values
        plan = Plan(
            frames=values["acq_nb_frames"],
            exposure_s=values["acq_expo_time"],
            latency_s=values["latency_time"],
            multi=values["acq_trigger_mode"].endswith("_MULTI"),
            geometry=self.geometry,
        )
        acquisition = Acquisition(plan, self.ring, files, self.setup.expose)
        acquisition.listeners = self.listeners
        return acquisition

    def _saving(self) -> SavingPlan:
        values = self.values
        return SavingPlan(
            directory=Path(values["saving_directory"]),
            prefix=values["saving_prefix"],
            index_format=values["saving_index_format"],
            suffix=values["saving_suffix"],
            format=values["saving_format"],
            frames_per_file=max(1, values["saving_frame_per_file"]),
            first_file=values["saving_next_number"],
            instrument=values["user_instrument_name"],
            detector=values["user_detector_name"],
            acquisition={
                "exposure_time": values["acq_expo_time"],
                "nb_frames": values["acq_nb_frames"],
                "mode": values["acq_mode"],
                "trigger_mode": values["acq_trigger_mode"],
            },
        )

    def _end_files(self) -> None:
        """Stop, and let the next acquisition's files follow those of this one."""
        self.acquisition.stop()
        if self.acquisition.files is not None:
            self.values["saving_next_number"] = self.acquisition.files.next_file
            self.acquisition.files = None
