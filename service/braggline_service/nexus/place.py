"""Where a result goes."""

from __future__ import annotations

import re
from pathlib import Path

from braggline_models.results import Provenance
from braggline_service.settings import Settings

RAW, PROCESSED = "RAW_DATA", "PROCESSED_DATA"


def result_path(settings: Settings, name: str, data_path: str, provenance: Provenance) -> Path:
    """FOLDER/NAME_RECIPE_SEED.h5: the same scan, recipe and seed give the same path.

    The folder is results.directory of the settings; else PROCESSED_DATA beside the RAW_DATA that holds `data_path`
    (ESRF's data policy: raw data are never written to), with the same folders below; else ./braggline. Always
    absolute: who reads it may stand in another folder.
    """
    file = f"{re.sub(r'[^A-Za-z0-9._-]+', '_', name)}_{provenance.recipe_hash}_{provenance.seed}.h5"
    if settings.results.directory:
        return Path(settings.results.directory).absolute() / file
    parts = Path(data_path).parts
    if RAW in parts:
        at = len(parts) - 1 - parts[::-1].index(RAW)
        below = Path(*parts[at + 1 :]) if parts[at + 1 :] else Path()
        folder = below if Path(data_path).suffix == "" else below.parent
        return Path(*parts[:at]) / PROCESSED / folder / "braggline" / file
    return Path("braggline").absolute() / file
