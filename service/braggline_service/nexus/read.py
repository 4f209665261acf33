"""A written result, back as it was; the single runs are not kept in the file. What older files lack has its default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from braggline_models.errors import BadInput
from braggline_models.results import (
    Defect,
    DefectReport,
    FacetReport,
    Provenance,
    Quality,
    Recommendation,
    Reconstruction,
)
from braggline_models.scan import CleaningStep, PreparedVolume, Sample
from braggline_service.nexus.facets import read_facets
from braggline_service.nexus.frames import read_frame, read_further_frames
from braggline_service.nexus.groups import read_text, read_texts
from braggline_service.nexus.origin import read_sample, with_instrument
from braggline_service.nexus.scan_result import ScanResult
from braggline_service.nexus.statistics import read_statistics


def read_result(path: Path) -> ScanResult:
    """The result of `path`. BadInput where the file is not one."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            return _result(file["entry_1"])
    except (OSError, KeyError) as error:
        raise BadInput(f"{path}: not a result of braggline ({error}); make it with `braggline reconstruct`") from error


def _result(entry: h5py.Group) -> ScanResult:
    process, quality, curve = entry["process"], entry["quality"], entry["rocking_curve"]
    advice = json.loads(read_text(entry["recommendation"]))
    return ScanResult(
        name=read_text(entry["title"]),
        rocking_curve=curve["counts"][()],
        positions=curve["angle"][()],
        scanned_unit=str(curve["angle"].attrs["units"]),
        volume=_volume(entry),
        reconstruction=_reconstruction(entry),
        strain=read_frame(entry["sample_frame"]),
        defects=_defects(entry["defects"]),
        recommendation=Recommendation(**_tuples(advice)) if advice else None,
        provenance=Provenance(
            read_text(process["program"]), read_text(process["version"]), read_text(process["recipe_hash"]),
            int(process["seed"][()]), read_texts(process["input"]),
        ),
        frames_missing=int(quality["frames_missing"][()]),
        flags=read_texts(quality["flags"]),
        elapsed_s=float(process["elapsed_s"][()]),
        aborted=bool(quality["aborted"][()]),
        monitor=curve["monitor"][()] if "monitor" in curve else None,
        sample=read_sample(entry["sample"]) if "sample" in entry else Sample(),
        frames=read_further_frames(entry),
        facets=read_facets(entry["facets"]) if "facets" in entry else FacetReport(),
        statistics=read_statistics(entry["statistics"]) if "statistics" in entry else {},
    )  # fmt: skip


def _volume(entry: h5py.Group) -> PreparedVolume:
    frame, data, quality = entry["detector_frame"].attrs, entry["diffraction"], entry["quality"]
    steps = json.loads(read_text(entry["process/cleaning"]))
    volume = PreparedVolume(
        name=read_text(entry["title"]),
        intensity=data["intensity"][()],
        mask=data["mask"][()].astype(bool),
        crop_start_px=tuple(int(v) for v in frame["crop_start_px"]),  # type: ignore[arg-type]
        binning=tuple(int(v) for v in frame["binning"]),  # type: ignore[arg-type]
        peak_px=tuple(float(v) for v in frame["peak_px"]),  # type: ignore[arg-type]
        q_bragg_per_m=frame["q_bragg_per_m"],
        q_step_per_m=frame["q_step_per_m"],
        cleaning=tuple(CleaningStep(**step) for step in steps),
        flags=read_texts(data["flags"]),
        frames_expected=int(quality["frames_expected"][()]),
        frames_used=int(quality["frames_used"][()]),
    )
    return with_instrument(entry["instrument"], volume) if "instrument" in entry else volume


def _reconstruction(entry: h5py.Group) -> Reconstruction:
    frame, process = entry["detector_frame"], entry["process"]
    object_ = frame["object"][()]
    return Reconstruction(
        object_=object_,
        support=frame["support"][()].astype(bool),
        runs=np.zeros((0, *object_.shape), np.complex64),
        quality=_quality(entry["quality"]),
        recipe=json.loads(read_text(process["recipe"])),
        seed=int(process["seed"][()]),
        iterations=int(process["iterations"][()]),
        final=bool(process["final"][()]),
    )


def _quality(place: h5py.Group) -> Quality:
    numbers: dict[str, Any] = {
        n: float(place[n][()]) for n in ("llk", "free_llk", "agreement", "mode_weight", "resolution_m")
    }
    return Quality(
        **numbers,
        fsc=place["fsc"][()] if "fsc" in place else np.zeros(0),
        pairwise=float(place["pairwise"][()]) if "pairwise" in place else float("nan"),
        prtf=place["prtf"][()],
        prtf_q_per_m=place["prtf_q"][()],
        runs_kept=int(place["runs_kept"][()]),
        runs_total=int(place["runs_total"][()]),
        flags=read_texts(place["reconstruction_flags"]),
    )


def _defects(place: h5py.Group) -> DefectReport:
    planes = _each_defect(place["planes"]) if "planes" in place else ()
    return DefectReport(_each_defect(place["lines"]), bool(place.attrs["searched"]), planes)


def _each_defect(place: h5py.Group) -> tuple[Defect, ...]:
    every = (place[name] for name in sorted(place))
    return tuple(
        Defect(
            str(one.attrs["kind"]), one["position_m"][()], tuple(float(v) for v in one.attrs["direction"]),  # type: ignore[arg-type]
            float(one.attrs["g_dot_b"]), float(one.attrs["confidence"]),
        )
        for one in every
    )  # fmt: skip


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
