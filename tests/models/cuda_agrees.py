"""Run by test_kernels_cuda.py in a process of its own: every GPU kernel against the CPU's, and a whole run.

With NUMBA_ENABLE_CUDASIM=1 the kernels' own code runs in numba's simulator on numpy arrays; without it on the GPU.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from braggline_models.phase_retrieval import kernels_cpu, kernels_cuda
from braggline_models.phase_retrieval.backend import CPU
from braggline_models.phase_retrieval.formulas import FREE, MEASURED, UNKNOWN
from braggline_models.phase_retrieval.pattern import Pattern
from braggline_models.phase_retrieval.recipe import Recipe
from braggline_models.phase_retrieval.run import Run
from braggline_models.phase_retrieval.schedule import DETWIN, UPDATES, parse

N = 500
F32 = np.float32


def _inputs() -> dict[str, Any]:
    rng = np.random.default_rng(1)

    def field() -> Any:
        return (rng.standard_normal(N) + 1j * rng.standard_normal(N)).astype(np.complex64)

    return {
        "psi": field(), "other": field(), "third": field(),
        "amplitude": np.sqrt(rng.poisson(2.0, N)).astype(F32),
        "blurred": rng.random(N).astype(F32),
        "kind": rng.choice([MEASURED, FREE, UNKNOWN], N).astype(np.uint8),
        "support": (rng.random(N) < 0.4).astype(np.uint8),
    }  # fmt: skip


CALLS = {
    "project_modulus": ("psi", "amplitude", "kind", F32(3), F32(0.5), F32(0.1)),
    "project_blurred": ("psi", "blurred", "amplitude", "kind", F32(3), F32(0.5), F32(0.1)),
    "likelihood": ("psi", "amplitude", "kind"),
    "update": ("psi", "other", "support", F32(0.9), F32(-0.8)),
    "flip": ("psi", "other", "support", F32(1.0)),
    "relaxed_support": ("psi", "support", F32(0.9), "other"),
    "update_difference": ("psi", "other", "third", "support", F32(0.9)),
    "gradient": ("psi", "amplitude", "kind", F32(0.5), "other"),
    "line_terms": ("psi", "other", "amplitude", "kind"),
}


def kernels_agree(on_device: Any, to_host: Any) -> None:
    """Sums to 1e-4, voxels to 1e-4."""
    for name, arguments in CALLS.items():
        results = []
        for kernels, place, back in ((kernels_cpu, np.asarray, np.asarray), (kernels_cuda, on_device, to_host)):
            arrays = {key: place(value) for key, value in _inputs().items()}
            given = [arrays[a] if isinstance(a, str) else a for a in arguments]
            sums = getattr(kernels, name)(*given)
            results.append((sums, {key: back(value) for key, value in arrays.items()}))
        (sums, arrays), (other_sums, other) = results
        if sums is not None:
            np.testing.assert_allclose(other_sums, sums, rtol=1e-4, err_msg=name)
        for key, value in arrays.items():
            np.testing.assert_allclose(other[key], value, rtol=1e-4, atol=1e-5, err_msg=f"{name}: {key}")


def runs_agree(device: Any) -> None:
    """A run of every update ends at the same object on both backends."""
    shape = (8, 8, 8)
    psi = np.zeros(shape, np.complex64)
    psi[3:6, 3:6, 2:6] = 1
    counts = np.square(np.abs(np.fft.fftn(psi)))
    kind = np.full(shape, MEASURED, np.uint8)
    kind[2] = UNKNOWN
    pattern = Pattern(np.sqrt(counts).astype(F32), kind)
    recipe = Recipe(start="box")
    for name in (*UPDATES, DETWIN):
        objects = []
        for backend in (CPU, device):
            run = Run(recipe, pattern, np.random.SeedSequence(3), 0.25, backend)
            run.execute(parse(f"{name}**2,SW,{name}"), 0.5)
            objects.append(run.psi)
        np.testing.assert_allclose(objects[1], objects[0], atol=2e-4, err_msg=name)


def main() -> None:
    from numba import config

    if config.ENABLE_CUDASIM:
        kernels_agree(np.copy, np.asarray)
        runs_agree(replace(CPU, name="simulated", kernels=kernels_cuda))
    else:
        import cupy

        from braggline_models.phase_retrieval.backend import backend

        kernels_agree(cupy.asarray, cupy.asnumpy)
        runs_agree(backend("cuda"))
    print(f"agree: {len(CALLS)} kernels, {len((*UPDATES, DETWIN))} updates")


if __name__ == "__main__":
    main()
