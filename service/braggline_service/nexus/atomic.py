"""A file is there whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from braggline_models.errors import BadInput


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` to write to; synced and renamed to `path` at the end, removed on any error.

    Folders on the way are made. BadInput where the place does not take a file.
    """
    check_writable(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror}); give a place that can") from error
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o644)
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    except OSError as error:
        if error.errno is None:
            raise
        raise BadInput(f"{path}: writing stopped ({error.strerror}); free the place and run again") from error
    finally:
        part.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """BadInput where `path` can never be a file: a folder, below a file, or in a place that may not be written."""
    if path.is_dir():
        raise BadInput(f"{path}: is a folder; give the name of a file in it")
    place = path.parent
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise BadInput(f"{path}: {place} is a file, not a folder; give another place")
    if not os.access(place, os.W_OK | os.X_OK):
        raise BadInput(f"{path}: {place} may not be written to; give another place")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
