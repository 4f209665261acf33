"""The three Tango devices, called with short patience."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tango import AttrQuality, DevFailed

TIMEOUT_MS = 2000
ROLES = ("ingest", "reconstruction", "advisor")


class ServiceAway(RuntimeError):
    """One line: which device does not answer, and what to do."""


class Refused(RuntimeError):
    """One line of a device that said no."""


class Devices:
    """Reads, writes and commands by role. proxy_of: makes a DeviceProxy from a name (BLISS's own, in its shell)."""

    def __init__(self, names: Mapping[str, str], proxy_of: Callable[[str], Any]) -> None:
        if missing := [role for role in ROLES if not names.get(role)]:
            raise ValueError(
                f"bragg: no device for '{missing[0]}'; add `{missing[0]}: id01/bragg{missing[0]}/main` in Beacon"
            )
        self.names = dict(names)
        self._proxy_of = proxy_of
        self._proxies: dict[str, Any] = {}

    def read(self, role: str, attribute: str) -> Any:
        """The value; None where its quality is INVALID."""
        return self.read_many(role, (attribute,))[attribute]

    def read_many(self, role: str, attributes: Iterable[str]) -> dict[str, Any]:
        """All in one call. A value of quality INVALID is None."""
        names = list(attributes)
        readings = self._call(role, lambda proxy: proxy.read_attributes(names))
        return {
            name: None if reading.has_failed or reading.quality == AttrQuality.ATTR_INVALID else reading.value
            for name, reading in zip(names, readings, strict=True)
        }

    def write(self, role: str, attribute: str, value: Any) -> None:
        self._call(role, lambda proxy: proxy.write_attribute(attribute, value))

    def command(self, role: str, name: str, argument: Any = None) -> Any:
        given = () if argument is None else (argument,)
        return self._call(role, lambda proxy: proxy.command_inout(name, *given))

    def state(self, role: str) -> tuple[str, str]:
        """State and status; never raises: a device that is away is ('AWAY', the line)."""
        try:
            return self._call(role, lambda proxy: (str(proxy.state()), proxy.status()))
        except (ServiceAway, Refused) as error:
            return "AWAY", str(error)

    def _call(self, role: str, what: Callable[[Any], Any]) -> Any:
        try:
            if role not in self._proxies:
                proxy = self._proxy_of(self.names[role])
                proxy.set_timeout_millis(TIMEOUT_MS)
                self._proxies[role] = proxy
            return what(self._proxies[role])
        except DevFailed as error:
            first = error.args[0]
            reason = " ".join(first.desc.split())
            if first.reason in ("BadInput", "RedisAway") or first.reason.startswith("API_WAttrOutsideLimit"):
                raise Refused(reason) from None
            if first.reason.startswith("API_"):  # Tango itself could not reach it
                text = f"{self.names[role]} does not answer ({first.reason}); is `braggline up` running?"
                raise ServiceAway(text) from None
            raise ServiceAway(f"{self.names[role]}: {reason}") from None
