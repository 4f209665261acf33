"""The tasks by name."""

from __future__ import annotations

from importlib import import_module

from braggline_models.errors import BadInput
from braggline_models.learned import NAMES
from braggline_models.learned.task import Task


def task(name: str) -> Task:
    """The task of that name. BadInput lists the known ones."""
    if name not in NAMES:
        raise BadInput(f"no learned task '{name}'; known are {', '.join(NAMES)}")
    found: Task = import_module(f"braggline_models.learned.{name}").TASK
    return found
