"""Counts that are not the crystal's, found voxel by voxel, and what lies behind a detector's gaps, with its doubt."""

from braggline_models.learned.spurious.task import TASK

__all__ = ["TASK"]
