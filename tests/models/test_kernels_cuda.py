"""The GPU kernels' own code against the CPU's: in numba's simulator here, on the GPU where there is one."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("cuda_agrees.py")


def _agrees(**environment: str) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "agree" in done.stdout


def test_kernels_and_runs_agree_in_the_simulator() -> None:
    _agrees(NUMBA_ENABLE_CUDASIM="1")


@pytest.mark.skipif(find_spec("cupy") is None, reason="no CuPy: install braggline[cuda] on a machine with a GPU")
def test_kernels_and_runs_agree_on_the_gpu() -> None:
    _agrees()
