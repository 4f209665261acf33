"""Settings of the service: config/braggline.yaml, checked on entry; unknown keys are refused.

Precedence: a value given by the caller, then the file, then the defaults below.
The schema: `braggline check-config --schema`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from braggline_models.errors import BadInput

T = TypeVar("T", bound=BaseModel)


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RedisSettings(Section):
    url: str = Field("redis://127.0.0.1:6399/0", description="the service's own Redis, any from 7; not blissdata's")
    byte_budget: int = Field(2_000_000_000, gt=0, description="frames kept in Redis; past it, references")
    retry_s: float = Field(60.0, gt=0, description="how long a writer keeps trying while Redis is away")


class IngestSettings(Section):
    blissdata_url: str = Field("redis://127.0.0.1:25004", description="the Redis of BLISS's data")
    detector: str = Field("", description="follow this detector only; empty: the one image stream of the scan")
    roi_px: tuple[int, int, int, int] | None = Field(None, description="row start, row stop, column start, column stop")
    enabled: bool = True


class JobSettings(Section):
    engine: Literal["dask"] = "dask"
    scheduler: str = Field("", description="address of a running dask scheduler; empty: a LocalCluster")
    workers: int = Field(1, ge=1)
    threads_per_worker: int = Field(2, ge=1, description="seeds phased side by side")
    device: Literal["cpu", "cuda", "auto"] = Field("cpu", description="where runs are phased; cuda is unverified")
    memory_limit: str = "3GiB"


class LiveSettings(Section):
    first_pass_fraction: float = Field(0.3, gt=0, le=1, description="frames measured before the first 3D pass")
    runs_while_measuring: int = Field(2, ge=1)
    stalled_after_s: float = Field(900.0, gt=0, description="without a frame: give the scan up, use what is there")


class AdviceSettings(Section):
    expires_after_s: float = Field(600.0, gt=0)
    max_range_deg: float = Field(4.0, gt=0)
    min_step_deg: float = Field(0.0005, gt=0)
    max_exposure_s: float = Field(10.0, gt=0)
    max_points: int = Field(400, ge=3)


class ResultSettings(Section):
    directory: str = Field("", description="where results go; empty: PROCESSED_DATA beside RAW_DATA, else ./braggline")


class SampleSettings(Section):
    """What is known of the crystals beforehand; all may be left out, and a scientist may say otherwise."""

    material: str = Field("", description="symbol of an fcc metal, such as Pt: refraction is then taken out")
    reflection: tuple[int, int, int] | None = Field(None, description="h, k, l: lattice parameter, facets with indices")
    in_plane: tuple[int, int, int] | None = Field(None, description="u, v, w along the sample frame's x, if known")


class Settings(Section):
    """Everything that can be configured, by section."""

    beamline: str = "id01"
    recipe: str = "default"
    redis: RedisSettings = RedisSettings()
    ingest: IngestSettings = IngestSettings()
    jobs: JobSettings = JobSettings()
    live: LiveSettings = LiveSettings()
    advice: AdviceSettings = AdviceSettings()
    results: ResultSettings = ResultSettings()
    sample: SampleSettings = SampleSettings()


def config_dir() -> Path:
    """$BRAGGLINE_CONFIG, else config/ of the checkout, else the copy that the wheel carries."""
    if given := os.environ.get("BRAGGLINE_CONFIG"):
        return Path(given)
    checkout = Path(__file__).parents[2] / "config"
    return checkout if checkout.is_dir() else Path(__file__).parent / "default_config"


def load_yaml(path: Path) -> dict[str, Any]:
    """A mapping read from `path`; BadInput names the line where it is not one."""
    try:
        data = yaml.safe_load(path.read_text())
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); give an existing file") from error
    except yaml.YAMLError as error:
        raise BadInput(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise BadInput(f"{path}: holds a {type(data).__name__}, expected keys and values")
    return data


def validated(model: type[T], data: dict[str, Any], where: str) -> T:
    """`data` as `model`; BadInput lists each wrong key in one line."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        parts = [f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()}" for e in error.errors()]
        remedy = "`braggline check-config --schema` lists what is allowed"
        raise BadInput(f"{where}: {'; '.join(parts)}; {remedy}") from error


def load_settings(path: Path | None = None, overrides: dict[str, Any] | None = None) -> Settings:
    """The settings of `path` (default: braggline.yaml of the configuration folder), `overrides` on top."""
    file = path or config_dir() / "braggline.yaml"
    data = load_yaml(file) if path or file.exists() else {}
    for key, value in (overrides or {}).items():
        target = data
        *parents, last = key.split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = value
    return validated(Settings, data, str(file))
