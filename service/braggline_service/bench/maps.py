"""How long everything takes between the last iteration and the last file."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from braggline_models.scan import Sample
from braggline_models.strain import MapOptions, strain_field
from braggline_service.bench.output import example_result, measure_output
from braggline_service.stages.findings import findings
from braggline_service.stages.pipeline import Pass

RUNS, NOISE_rad = 3, 0.02


def run(side: int = 128) -> dict[str, float]:
    """Wall seconds of maps with their uncertainty, of what is found in them, of files and report; two threads.

    A crystal that fills half of each side of `side` voxels, three runs: more than a window of that size ever holds.
    The second time counts: a worker has compiled and imported everything before its first scan.
    """
    example = example_result(side)
    rng, object_ = np.random.default_rng(0), example.reconstruction.object_
    noise = [np.exp(1j * NOISE_rad * rng.normal(size=object_.shape)) for _ in range(RUNS)]
    runs = np.stack([object_ * each for each in noise]).astype(np.complex64)
    reconstruction = replace(example.reconstruction, runs=runs)
    options, sample = MapOptions(material="Pt", threads=2), Sample("Pt", (1, 1, 1))
    for _ in range(2):
        started = time.monotonic()
        strain = strain_field(reconstruction, example.volume, options)
        mapped = time.monotonic()
        found = findings(Pass(example.volume, reconstruction, strain), options, sample)
        searched = time.monotonic()
        result = replace(
            example, strain=strain, frames=found.frames, facets=found.facets, defects=found.defects,
            statistics=found.statistics,
        )  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            output = measure_output(result, Path(folder))
    parts = {"maps_s": mapped - started, "findings_s": searched - mapped, "output_s": output["total"]}
    return {**parts, "total_s": sum(parts.values())}
