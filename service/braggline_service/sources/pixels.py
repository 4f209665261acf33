"""Frames of a dataset into memory, and the detector that fits them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput
from braggline_models.scan import BoolArray, Detector
from braggline_service.sources.edf_stack import EdfStack
from braggline_service.sources.overrides import Window, window
from braggline_service.sources.virtual import frames_present

Stack: TypeAlias = h5py.Dataset | EdfStack
Frames = tuple[NDArray[np.generic], BoolArray, list[str]]


def place(dataset: Stack) -> str:
    """FILE::PATH of a dataset, as error lines name it."""
    return f"{dataset.file.filename}::{dataset.name}"


def checked_stack(dataset: Stack) -> None:
    """BadInput unless `dataset` is (n_frames, n_rows, n_cols) of real numbers with frames enough to be a curve."""
    if dataset.ndim != 3 or dataset.dtype.kind not in "iuf":
        raise BadInput(f"{place(dataset)}: is {dataset.dtype} {dataset.shape}; frames are numbers (frame, row, column)")
    if len(dataset) == 0:
        raise BadInput(f"{place(dataset)}: holds no frame; was the scan aborted before its first point?")
    if len(dataset) == 1:
        raise BadInput(f"{place(dataset)}: holds one frame only; a rocking curve needs many, give a rocking scan")


def fitted(
    dataset: Stack, detector: Detector, gaps: BoolArray, found: Window | None, overrides: Mapping[str, float]
) -> tuple[Detector, BoolArray]:
    """The detector and its mask seen through the window of the frames: that of `overrides`, of the file, or all."""
    checked_stack(dataset)
    shape = (int(dataset.shape[1]), int(dataset.shape[2]))
    at = window(overrides, found)
    if at is None and shape != detector.shape_px:
        raise BadInput(
            f"{place(dataset)}: frames are {shape[0]}x{shape[1]}, detector '{detector.name}' is "
            f"{detector.shape_px[0]}x{detector.shape_px[1]}; give another --detector, or where the frames begin on it "
            "by --set roi_row_px=N --set roi_column_px=N"
        )
    row, column = (at.row, at.column) if at else (0, 0)
    if row < 0 or column < 0 or row + shape[0] > detector.shape_px[0] or column + shape[1] > detector.shape_px[1]:
        raise BadInput(
            f"{place(dataset)}: frames of {shape[0]}x{shape[1]} from row {row}, column {column} leave detector "
            f"'{detector.name}'; correct --set roi_row_px=N --set roi_column_px=N"
        )
    return detector.cropped(row, column, shape), gaps[row : row + shape[0], column : column + shape[1]].copy()


def read_frames(dataset: Stack, whole: bool, n: int | None = None) -> Frames:
    """intensity (n, n_rows, n_cols), measured (n,) and flags, of the first `n` frames (default all).

    Frames whose file is missing are never shown as zeros: BadInput, unless some are there and the scan was not
    `whole` (aborted, or still running); then they count as not measured.
    """
    checked_stack(dataset)
    n = len(dataset) if n is None else n
    present, missing = dataset.present if isinstance(dataset, EdfStack) else frames_present(dataset)
    present = present[:n]
    if not present.any() or (whole and not present.all()):
        count = "its frames are" if not present.any() else f"{np.count_nonzero(~present)} of {n} frames are"
        raise BadInput(
            f"{place(dataset)}: {count} missing: {missing}; copy it there with the scan (HDF5 would show zeros)"
        )
    intensity = np.zeros((n, *dataset.shape[1:]), dataset.dtype.newbyteorder("="))
    if isinstance(dataset, EdfStack):
        dataset.read_into(intensity, np.flatnonzero(present))
    else:
        for i in np.flatnonzero(present):
            dataset.read_direct(intensity, np.s_[i], np.s_[i])
    flags = [] if present.all() else [f"{np.count_nonzero(~present)} of {n} frames are not in the file yet"]
    return intensity, present, flags
