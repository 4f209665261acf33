"""One image of a detector from a file: a mask, a flat field, a dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from braggline_models.errors import BadInput

IMAGE_FILES = "a file .npy, .npz, .edf, .tif or FILE.h5::PATH, of the whole detector; relative to the configuration"
HDF5 = (".h5", ".hdf5", ".nxs", ".cxi")


def read_image(place: str, shape_px: tuple[int, int], what: str) -> NDArray[Any]:
    """(n_rows, n_cols) numbers of `place`, FILE or FILE::PATH. BadInput says what is wrong with which file.

    A relative name that is not found from the working folder is looked for in the configuration folder. `what` is it
    for: named in errors.
    """
    name, _, inside = place.partition("::")
    path = _found(Path(name), what)
    try:
        image = np.asarray(_loaded(path, inside))
    except BadInput:
        raise
    except Exception as error:  # numpy, h5py and fabio each raise their own
        raise BadInput(
            f"{what} {place}: cannot be read ({' '.join(str(error).split())[:160]}); check the file"
        ) from error
    if image.ndim == 3 and len(image) == 1:
        image = image[0]
    if image.shape != shape_px or image.dtype.kind not in "biuf":
        raise BadInput(
            f"{what} {place}: is {image.dtype} {image.shape}, the detector is {shape_px}; give an image of all of it"
        )
    return image


def _found(path: Path, what: str) -> Path:
    from braggline_service.settings import config_dir

    for candidate in (path, config_dir() / path):
        if candidate.is_file():
            return candidate
    raise BadInput(f"{what} {path}: no such file; correct it in the beamline's file or by --set")


def _loaded(path: Path, inside: str) -> Any:
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return np.load(path)
    if suffix == ".npz":
        with np.load(path) as arrays:
            return arrays[_only(path, inside, list(arrays))]
    if suffix in HDF5:
        import h5py
        import hdf5plugin  # noqa: F401  registers the filters that images are compressed with

        with h5py.File(path, "r", locking=False) as file:
            return file[inside or _only(path, inside, [key for key in file if isinstance(file[key], h5py.Dataset)])][()]
    import fabio

    with fabio.open(path) as image:
        return image.data


def _only(path: Path, inside: str, names: list[str]) -> str:
    if inside or len(names) == 1:
        return inside or names[0]
    raise BadInput(f"{path}: holds {len(names)} arrays; write {path}::NAME, NAME one of {', '.join(names[:8])}")
