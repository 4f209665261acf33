"""Voxels in which the detector could count no more."""

from __future__ import annotations

import numpy as np

from braggline_models.preprocess.options import PrepareOptions
from braggline_models.preprocess.scene import Finding, Scene


def find_saturated(scene: Scene, options: PrepareOptions) -> Finding:
    """I >= saturation_counts of the detector: at least so many, so unknown. The step `saturated`."""
    limit = scene.curve.detector.saturation_counts
    rows, columns = np.nonzero((scene.survey.highest >= limit) & ~scene.bad)
    if not len(rows):
        return Finding()
    frames, which = np.nonzero(np.asarray(scene.curve.intensity[:, rows, columns], np.float32) >= limit)
    at = np.ravel_multi_index((frames, rows[which], columns[which]), scene.curve.intensity.shape)
    if not len(at):
        return Finding()
    return Finding(voxels=np.sort(at).astype(np.int64), flags=(f"{len(at)} saturated voxels: taken as unknown",))
