"""`bragg.params`: what a scientist tunes. Each is a memorised attribute of a device, so it survives every restart."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from braggline_bliss.devices import Devices, ServiceAway

# name in the shell -> (device, attribute, what it is)
TABLE = {
    "recipe": ("reconstruction", "Recipe", "phasing recipe"),
    "runs": ("reconstruction", "Runs", "seeds of the final pass; 0: as the recipe says"),
    "support_threshold": ("reconstruction", "SupportThreshold", "of shrink-wrap; 0: as the recipe says"),
    "isosurface": ("reconstruction", "Isosurface", "amplitude at the surface; 0: as the recipe says"),
    "material": ("reconstruction", "Material", "such as Pt: refraction is taken out"),
    "reflection": ("reconstruction", "Reflection", "such as 1,1,1: lattice parameter, indexed facets"),
    "in_plane": ("reconstruction", "InPlane", "crystal direction along the sample's x"),
    "learned": ("reconstruction", "Learned", "models that take part; none: not one; empty: recipe"),
    "slice_index": ("reconstruction", "SliceIndex", "z, y, x of the maps; -1: center"),
    "detector": ("ingest", "Detector", "follow this one only; empty: the scan's"),
    "roi": ("ingest", "Roi", "row start, stop, column start, stop; empty: whole"),
    "mode": ("advisor", "Mode", "off, suggest, confirm or auto"),
    "max_range_deg": ("advisor", "MaxRange", "limit of a recommendation"),
    "min_step_deg": ("advisor", "MinStep", "limit of a recommendation"),
    "max_exposure_s": ("advisor", "MaxExposure", "limit of a recommendation"),
    "max_points": ("advisor", "MaxPoints", "limit of a recommendation"),
}


class Params:
    """Read with `params.recipe`, set with `params.recipe = 'fast'` or a schedule; what is not there is refused."""

    __slots__ = ("_devices",)

    def __init__(self, devices: Devices) -> None:
        object.__setattr__(self, "_devices", devices)

    def __dir__(self) -> list[str]:
        return list(TABLE)

    def __getattr__(self, name: str) -> Any:
        role, attribute, _ = _row(name)
        return _plain(self._devices.read(role, attribute))

    def __setattr__(self, name: str, value: Any) -> None:
        role, attribute, _ = _row(name)
        self._devices.write(role, attribute, value)

    def as_dict(self) -> dict[str, Any]:
        """Every parameter with its value of now; those of a device that is away are absent."""
        values: dict[str, Any] = {}
        for role in dict.fromkeys(row[0] for row in TABLE.values()):
            rows = {name: row[1] for name, row in TABLE.items() if row[0] == role}
            with suppress(ServiceAway):
                read = self._devices.read_many(role, rows.values())
                values |= {name: read[attribute] for name, attribute in rows.items()}
        return {name: _plain(values[name]) for name in TABLE if name in values}

    def __info__(self) -> str:
        values = self.as_dict()
        lines = [f"  {name:<18} {values.get(name, '(away)')!s:<14} {row[2]}" for name, row in TABLE.items()]
        return "\n".join(lines)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def _row(name: str) -> tuple[str, str, str]:
    if name not in TABLE:
        raise AttributeError(f"bragg.params has no '{name}'; it has {', '.join(TABLE)}")
    return TABLE[name]
