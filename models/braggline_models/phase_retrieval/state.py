"""What an update works on: the object, its support and the pattern, and the one modulus projection that all share."""

from __future__ import annotations

from typing import Any

import numpy as np

from braggline_models.phase_retrieval.backend import Backend
from braggline_models.phase_retrieval.coherence import Coherence
from braggline_models.phase_retrieval.pattern import Pattern


class State:
    """psi complex64 (center at shape // 2), support bool; `work` holds P_M psi between a projection and an update.

    llk, free_llk: half the deviance a voxel of |F psi|^2 at the last projection. inside, outside: sum |P_M psi|^2.
    """

    def __init__(self, device: Backend, pattern: Pattern, beta: float, coherence: Coherence | None = None) -> None:
        self.device = device
        self.beta = np.float32(beta)
        self.coherence = coherence
        self.zero_unknown = self.averaged = False
        self.llk = self.free_llk = self.inside = self.outside = float("nan")
        self.psi: Any = None
        self.support: Any = None
        self.transform: Any = None
        self.load(pattern)

    def load(self, pattern: Pattern) -> None:
        """Another pattern; psi and support have to follow where its shape differs."""
        if self.transform is None or self.transform.array.shape != pattern.shape:
            self.transform = self.device.planned(pattern.shape)
            self.work = self.transform.array
        self.pattern = pattern
        self.amplitude = self.device.to_device(pattern.amplitude).ravel()
        self.kind = self.device.to_device(pattern.kind).ravel()
        self.extra: Any = None

    @property
    def flat(self) -> Any:
        """psi as a line."""
        return self.psi.reshape(-1)

    @property
    def work_flat(self) -> Any:
        """work as a line."""
        return self.work.reshape(-1)

    @property
    def bits(self) -> Any:
        """The support as a line of uint8."""
        return self.support.view(np.uint8).reshape(-1)

    def spare(self) -> Any:
        """One more array of psi's shape, for the updates that need it; kept until the grid changes."""
        if self.extra is None:
            self.extra = self.device.xp.zeros(self.pattern.shape, np.complex64)
        return self.extra

    def project(self) -> None:
        """work = P_M work, and the likelihood of what was there before."""
        self.transform.forward()
        scale = np.float32(1.0 / self.work.size)
        most = self.pattern.most
        caps = most, np.float32(0.0) if self.zero_unknown else most
        if self.coherence is None:
            sums = self.device.kernels.project_modulus(self.work_flat, self.amplitude, self.kind, *caps, scale)
        else:
            blurred = self.device.to_device(self.coherence.blurred(self.device.to_host(self.work)))
            sums = self.device.kernels.project_blurred(
                self.work_flat, blurred.reshape(-1), self.amplitude, self.kind, *caps, scale
            )
        self.llk, self.free_llk = self.pattern.per_voxel(*sums)
        self.transform.backward()

    def likelihood(self) -> tuple[float, float]:
        """(llk, free_llk) of psi, which is not changed; work is."""
        self.work[...] = self.psi
        self.transform.forward()
        if self.coherence is not None:
            blurred = np.sqrt(self.coherence.blurred(self.work)).astype(np.complex64).reshape(-1)
            return self.pattern.per_voxel(*self.device.kernels.likelihood(blurred, self.amplitude, self.kind))
        return self.pattern.per_voxel(*self.device.kernels.likelihood(self.work_flat, self.amplitude, self.kind))
