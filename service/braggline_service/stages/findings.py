"""What is looked for in the final map: nothing here stands in the way of a preview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from braggline_models.defects import suspects, told_by_rule
from braggline_models.facets import find_facets
from braggline_models.geometry.materials import reflection_flag
from braggline_models.results import DefectReport, FacetReport, StrainField
from braggline_models.scan import Sample
from braggline_models.strain import (
    Frame,
    MapOptions,
    carried,
    crystal_frame,
    gridded,
    lab_frame,
    statistics,
    strain_field,
)
from braggline_service.stages.pipeline import Pass

if TYPE_CHECKING:
    from braggline_models.learned.model import Model

NO_MODELS: Mapping[str, Model] = {}


@dataclass(frozen=True)
class Findings:
    """Defects, facets and statistics of the sample frame's map; the same map in further frames."""

    defects: DefectReport
    facets: FacetReport
    statistics: Mapping[str, Mapping[str, float]]
    frames: Mapping[str, StrainField]
    flags: tuple[str, ...]


def findings(last: Pass, options: MapOptions, sample: Sample, models: Mapping[str, Model] = NO_MODELS) -> Findings:
    """Everything that follows from the final object. The crystal's frame is there where its axes are known."""
    object_, volume = last.reconstruction.object_, last.volume
    psi, _ = gridded(
        object_, volume, replace(options, voxel_size_m=last.strain.voxel_size_m), shape=last.strain.support.shape
    )
    facets = find_facets(last.strain, sample)
    frames = [lab_frame(volume)]
    if facets.axes is not None:
        frames.append(crystal_frame(facets.axes))
    told, flags = _defects(last.strain, psi, sample, models)
    return Findings(
        defects=told,
        facets=facets,
        statistics=statistics(last.strain),
        frames={frame.name: _in(frame, last, options) for frame in frames},
        flags=tuple(flag for flag in (reflection_flag(volume.q_bragg_per_m, sample), *flags) if flag),
    )


def _defects(
    strain: StrainField, psi: NDArray[np.complex64], sample: Sample, models: Mapping[str, Model]
) -> tuple[DefectReport, tuple[str, ...]]:
    """By the learned model where the recipe asks for it and knows such crystals, else by rule; and what was odd."""
    found = suspects(strain, psi, sample.reflection)
    by_rule = told_by_rule(found)
    if (model := models.get("defects")) is None:
        return by_rule, ()
    from braggline_models.learned.defects import told_by_model

    report, outside = told_by_model(model, found)
    if outside <= 1.0:
        return report, ()
    lines = tuple(replace(line, kind="dislocation") for line in by_rule.lines)
    told = f"the learned model 'defects' stands back: {outside:.1f} times as far from its training as it may be"
    return replace(by_rule, lines=lines), (told,)


def _in(frame: Frame, last: Pass, options: MapOptions) -> StrainField:
    """The map in another frame, with the sample frame's uncertainty: a scalar, which no turn changes."""
    without_runs = replace(last.reconstruction, runs=np.zeros((0, *last.reconstruction.object_.shape), np.complex64))
    same = replace(options, voxel_size_m=last.strain.voxel_size_m)
    field = strain_field(without_runs, last.volume, same, frame)
    uncertainty = carried(last.strain.uncertainty, field.support & np.isfinite(field.strain), frame.rotation)
    return replace(field, uncertainty=uncertainty, flags=last.strain.flags)
