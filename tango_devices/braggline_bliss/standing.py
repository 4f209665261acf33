"""The recommendation as the shell shows it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Standing:
    """state: none, pending, approved, applied, rejected or expired."""

    state: str
    identifier: str = ""
    action: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    expected_gain: str = ""
    confidence: float = 0.0
    expires_at: float = 0.0
    limits_hit: tuple[str, ...] = ()
    mode: str = ""

    @classmethod
    def from_json(cls, text: str | None) -> Standing:
        """From the attribute Recommendation of the advisor; None is 'none'."""
        if not text:
            return cls("none")
        kept: dict[str, Any] = json.loads(text)
        return cls(
            kept["state"], kept["id"], kept["action"], kept["parameters"], kept["reason"], kept["expected_gain"],
            kept["confidence"], kept["expires_at"], tuple(kept["limits_hit"]), kept["mode"],
        )  # fmt: skip

    def __info__(self) -> str:
        if self.state == "none":
            return "No recommendation stands: the next scan makes one."
        left = f", {max(self.expires_at - time.time(), 0):.0f} s left" if self.state in ("pending", "approved") else ""
        lines = [
            f"{self.action.upper()}  ({self.identifier}, {self.state}{left})",
            f"  why         {self.reason}",
            f"  gain        {self.expected_gain}",
            f"  confidence  {self.confidence:.2f}",
            f"  next scan   {self.parameters_line()}",
        ]
        if self.limits_hit:
            lines.append(f"  limited by  {', '.join(self.limits_hit)}")
        if self.state == "pending":
            lines.append("  bragg.approve() or bragg.reject('why')")
        return "\n".join(lines)

    @property
    def unit(self) -> str:
        """Of center, range and step: 'eV' where the advice is for an energy scan, else 'deg'."""
        return "eV" if any(key.endswith("_eV") for key in self.parameters) else "deg"

    def parameters_line(self) -> str:
        unit = self.unit
        center, step = ("{:.1f}", "{:.3f}") if unit == "eV" else ("{:.4f}", "{:.5f}")
        known = {
            f"center_{unit}": f"center {center} {unit}", f"range_{unit}": f"range {center} {unit}",
            f"step_{unit}": f"step {step} {unit}", "points": "{:.0f} points", "exposure_s": "{:.3f} s each",
        }  # fmt: skip
        return ", ".join(text.format(self.parameters[key]) for key, text in known.items() if key in self.parameters)
