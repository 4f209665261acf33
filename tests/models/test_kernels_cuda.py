"""The GPU kernels' own code against the CPU's: in numba's simulator here, on the GPU where there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from braggline_models.phase_retrieval.backend import backend

SCRIPT = Path(__file__).with_name("cuda_agrees.py")
AGREED = "agree: 9 kernels, 10 updates\n"


def compared(**environment: str) -> subprocess.CompletedProcess[str]:
    """The comparison in a process of its own: numba chooses its simulator when it is imported."""
    command, env = [sys.executable, str(SCRIPT)], {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


def test_kernels_and_runs_agree_in_the_simulator() -> None:
    done = compared(NUMBA_ENABLE_CUDASIM="1")
    assert (done.returncode, done.stdout) == (0, AGREED), done.stderr[-2000:]


@pytest.mark.skipif(backend("auto").name != "cuda", reason="needs a GPU and braggline[cuda]")
def test_kernels_and_runs_agree_on_the_gpu() -> None:
    done = compared()
    assert (done.returncode, done.stdout) == (0, AGREED), done.stderr[-2000:]
