"""RUN/bin and RUN/conda: what Beacon starts by itself, tied to its life and to the loopback."""

from __future__ import annotations

from pathlib import Path

from demo_beamline.venv import BlissVenv

WRAPPER = """#!/bin/sh
# Ends with the process that started it; listens on the loopback only.
exec setpriv --pdeathsig KILL {program} "$@" {more}
"""


def write_programs(run_dir: Path, venv: BlissVenv) -> None:
    """Wrappers of redis-server and memory_tracker for the front of PATH, Redis modules for CONDA_PREFIX."""
    programs, libraries = run_dir / "bin", run_dir / "conda" / "lib"
    programs.mkdir(parents=True, exist_ok=True)
    libraries.mkdir(parents=True, exist_ok=True)
    for path in (venv.redis_server, *venv.redis_modules.values()):
        if not path.stat().st_mode & 0o100:
            path.chmod(path.stat().st_mode | 0o111)  # wheels lose it, and Redis loads no module without it
    wrap(programs / "redis-server", venv.redis_server, "--bind 127.0.0.1")
    wrap(programs / "memory_tracker", venv.bin / "memory_tracker")
    for name, module in venv.redis_modules.items():
        link = libraries / name
        link.unlink(missing_ok=True)
        link.symlink_to(module.resolve())


def wrap(script: Path, program: Path, more: str = "") -> None:
    """An executable `script` that becomes `program`."""
    script.write_text(WRAPPER.format(program=f"'{program}'", more=more))
    script.chmod(0o755)
