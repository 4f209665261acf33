"""Beamlines differ by their circles, detectors and names alone: config/beamlines/NAME.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from braggline_models.errors import BadInput
from braggline_models.scan import BoolArray, Circle, Corrections, Detector, Diffractometer, Vector
from braggline_service.images import IMAGE_FILES, read_image
from braggline_service.settings import Section, config_dir, load_yaml, validated

Span = tuple[int, int]


def _unit(vector: Vector) -> Vector:
    if not np.isclose(np.linalg.norm(vector), 1.0):
        raise ValueError(f"{list(vector)} is no unit vector")
    return vector


Direction = Annotated[Vector, AfterValidator(_unit)]


class CircleConfig(Section):
    name: str
    axis: Direction = Field(
        description="x along the beam, y outboard, z up; positive angles turn right-handed about it"
    )
    motor: str = Field("", description="name of its positioner; empty: the circle's own name")


class DetectorConfig(Section):
    shape_px: tuple[int, int]
    pixel_size_m: tuple[float, float]
    distance_m: float = Field(gt=0, description="used where the scan itself does not tell")
    beam_center_px: tuple[float, float] = Field(description="row, column; used where the scan itself does not tell")
    tilt_deg: float = 0.0
    tilt_azimuth_deg: float = 0.0
    rotation_deg: float = 0.0
    saturation_counts: float = Field(float("inf"), gt=0, description="of one pixel; a voxel with so many is unknown")
    gap_rows: tuple[Span, ...] = Field((), description="first row of a gap and the first after it")
    gap_columns: tuple[Span, ...] = Field((), description="the same of columns")
    aliases: tuple[str, ...] = Field((), description="names that scans know it by")
    mask_file: str = Field("", description=f"not 0 where a pixel is no data; {IMAGE_FILES}")
    flat_file: str = Field("", description=f"relative efficiency of the pixels; {IMAGE_FILES}")
    dark_file: str = Field("", description=f"counts of a frame without beam; {IMAGE_FILES}")
    dead_time_s: float = Field(0.0, ge=0, description="of a pixel after a photon; 0: no correction")

    @model_validator(mode="after")
    def _gaps_are_inside(self) -> DetectorConfig:
        for spans, size in ((self.gap_rows, self.shape_px[0]), (self.gap_columns, self.shape_px[1])):
            for first, after in spans:
                if not 0 <= first < after <= size:
                    raise ValueError(f"gap [{first}, {after}] is not a range within {size} pixels")
        return self


class EnergySource(Section):
    path: str = Field(description="positioners/NAME or a path below instrument/")
    eV_per_unit: float = 1.0


class BeamlineConfig(Section):
    name: str
    sample_circles: tuple[CircleConfig, ...] = Field(min_length=1, description="outer to inner")
    detector_circles: tuple[CircleConfig, ...] = Field(description="outer to inner")
    row_direction: Direction
    column_direction: Direction
    energy: tuple[EnergySource, ...] = ()
    monitors: tuple[str, ...] = Field(
        (), description="counters of the incoming beam; frames are divided by the first that counts, if it moves"
    )
    attenuator: str = Field("", description="counter with the transmission of the attenuator, 0 to 1, for each frame")
    detectors: Mapping[str, DetectorConfig]

    @model_validator(mode="after")
    def _names_are_unique(self) -> BeamlineConfig:
        circles = [circle.name for circle in (*self.sample_circles, *self.detector_circles)]
        names = [n for key, config in self.detectors.items() for n in {key.lower(), *map(str.lower, config.aliases)}]
        for kind, given in (("circles", circles), ("detectors", names)):
            if twice := sorted({name for name in given if given.count(name) > 1}):
                raise ValueError(f"two {kind} are named {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _rows_are_across_columns(self) -> BeamlineConfig:
        if abs(float(np.dot(self.row_direction, self.column_direction))) > 1e-6:
            raise ValueError("row_direction and column_direction are not perpendicular")
        return self


@dataclass(frozen=True)
class Beamline:
    """One beamline, ready for use. `motors`: circle -> positioner name."""

    name: str
    diffractometer: Diffractometer
    motors: Mapping[str, str]
    energy: tuple[EnergySource, ...]
    monitors: tuple[str, ...]
    detectors: Mapping[str, DetectorConfig]
    attenuator: str = ""

    def tuned(self, detector: str, values: Mapping[str, float | str]) -> Beamline:
        """The same beamline with these keys of DetectorConfig changed for one detector."""
        if not values:
            return self
        known = self.detector_name(detector)
        changed = self.detectors[known].model_copy(update=dict(values))
        return replace(self, detectors={**self.detectors, known: changed})

    def corrections(self, name: str) -> Corrections:
        """Flat field, dark and dead time of the whole detector. BadInput where a file is not right."""
        config = self.detectors[self.detector_name(name)]
        flat, dark = (
            read_image(path, config.shape_px, what) if path else None
            for path, what in ((config.flat_file, "flat field"), (config.dark_file, "dark"))
        )
        return Corrections(flat, dark, config.dead_time_s)

    def detector_name(self, name: str) -> str:
        """The configured name behind `name` or one of its aliases. BadInput lists the known ones."""
        for known, config in self.detectors.items():
            if name.lower() in (known.lower(), *(alias.lower() for alias in config.aliases)):
                return known
        known_names = ", ".join(f"{k} ({', '.join(c.aliases)})" if c.aliases else k for k, c in self.detectors.items())
        raise BadInput(
            f"detector '{name}' is unknown at beamline '{self.name}'; add it to its file, or use {known_names}"
        )

    def detector(self, name: str) -> tuple[Detector, BoolArray]:
        """The detector, its gaps and what its mask file marks: mask (n_rows, n_cols) bool, True where no data."""
        known = self.detector_name(name)
        config = self.detectors[known]
        detector = Detector(
            known, config.shape_px, config.pixel_size_m, config.distance_m, config.beam_center_px,
            config.tilt_deg, config.tilt_azimuth_deg, config.rotation_deg, config.saturation_counts,
        )  # fmt: skip
        mask = np.zeros(config.shape_px, bool)
        for first, after in config.gap_rows:
            mask[first:after] = True
        for first, after in config.gap_columns:
            mask[:, first:after] = True
        if config.mask_file:
            mask |= read_image(config.mask_file, config.shape_px, "mask") != 0
        return detector, mask


def load_beamline(name_or_path: str) -> Beamline:
    """The beamline of config/beamlines/NAME.yaml or of a file. BadInput where there is none or it is not right."""
    folder = config_dir() / "beamlines"
    path = Path(name_or_path) if name_or_path.endswith((".yaml", ".yml")) else folder / f"{name_or_path}.yaml"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
        raise BadInput(f"beamline '{name_or_path}' is unknown; known are {known}; add {path} for another")
    config = validated(BeamlineConfig, load_yaml(path), str(path))
    circles = (*config.sample_circles, *config.detector_circles)
    diffractometer = Diffractometer(
        config.name,
        tuple(Circle(c.name, c.axis) for c in config.sample_circles),
        tuple(Circle(c.name, c.axis) for c in config.detector_circles),
        config.row_direction,
        config.column_direction,
    )
    motors = {c.name: c.motor or c.name for c in circles}
    return Beamline(
        config.name, diffractometer, motors, config.energy, config.monitors, config.detectors, config.attenuator
    )
