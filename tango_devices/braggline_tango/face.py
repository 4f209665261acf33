"""What the three devices share: settings, attributes from the table, events, a state that tells the truth."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tango
from redis import Redis
from redis.exceptions import RedisError
from tango import DevState
from tango.server import Device, device_property

from braggline_models.errors import BadInput
from braggline_service.board import Board
from braggline_service.settings import Settings, load_settings
from braggline_tango.attributes import Row
from braggline_tango.dynamic import attribute_of
from braggline_tango.pusher import Pusher
from braggline_tango.reading import Shown, nothing
from braggline_tango.told import one_line


class Face(Device):
    """Subclasses name their `rows` and write `begin` (start working), `end` (stop) and `deliver` (show what is new)."""

    rows: tuple[Row, ...] = ()
    _complete = False

    SettingsFile = device_property(
        dtype=str, default_value="", doc="braggline.yaml; empty: $BRAGGLINE_SETTINGS, else the configuration folder's"
    )

    def init_device(self) -> None:
        super().init_device()
        self._shown = nothing(self.rows)
        self._pusher: Pusher | None = None
        self._usable = False
        self.tell(DevState.INIT, "starting")
        for name in ("State", "Status"):
            self.set_change_event(name, True, False)
            self.set_archive_event(name, True, False)
        try:
            self.settings = self._load_settings()
        except BadInput as error:
            self.settings = Settings()
            self.tell(DevState.FAULT, f"{error}; mend it and call Init")
            return
        self.redis = quick_redis(self.settings.redis.url)
        self.board = Board(self.redis)
        self._usable = True
        if self._complete:  # command Init; at the start of the server the attributes are not there yet
            self.begin()

    def server_init_hook(self) -> None:
        """Called once the attributes are there and Tango has written the memorised values."""
        self._complete = True
        if self._usable:
            self.begin()

    def delete_device(self) -> None:
        if self._pusher is not None:
            self._pusher.close()
            self.end()
            self._pusher = None
        if self._usable:
            self.redis.close()
        super().delete_device()

    def begin(self) -> None:
        raise NotImplementedError

    def end(self) -> None:
        raise NotImplementedError

    def deliver(self, changed: bool) -> None:
        raise NotImplementedError

    def start_pusher(self, wait: Any) -> None:
        self._pusher = Pusher(f"events of {self.get_name()}", wait, self.deliver, self.away)
        self._pusher.start()

    def away(self, error: Exception) -> None:
        """Called by the pusher where a delivery failed; it tries again by itself."""
        if isinstance(error, RedisError):
            self.tell(DevState.FAULT, f"Redis at {self.settings.redis.url} is away: {one_line(error)}; trying again")
        else:
            self.tell(DevState.FAULT, f"{type(error).__name__}: {one_line(error)}; see the log")

    # ---- attributes of the table
    def initialize_dynamic_attributes(self) -> None:
        for row in self.rows:
            self.add_attribute(attribute_of(row, self.read_row))
            self.set_change_event(row.name, True, False)
            self.set_archive_event(row.name, True, False)

    def read_row(self, attr: tango.Attribute) -> tuple[Any, float, Any]:
        shown = self._shown[attr.get_name()]
        return shown.value, time.time(), shown.quality

    def publish(self, shown: Mapping[str, Shown], state: DevState, status: str) -> None:
        """Show it all at once, then push an event for each thing that changed. From the pusher's thread only.

        Whoever is woken by one event and reads another attribute finds the same result there.
        """
        changed = {name: new for name, new in shown.items() if not new.same_as(self._shown[name])}
        self._shown = self._shown | changed
        self.tell(state, status)
        for name, new in changed.items():
            self._push(name, new)

    def _push(self, name: str, shown: Shown) -> None:
        now = time.time()
        self.push_change_event(name, shown.value, now, shown.quality)
        self.push_archive_event(name, shown.value, now, shown.quality)

    # ---- state
    def tell(self, state: DevState, status: str) -> None:
        """Set State and Status, with events where they changed."""
        changed = [
            n for n, a, b in (("State", self.get_state(), state), ("Status", self.get_status(), status)) if a != b
        ]
        self.set_state(state)
        self.set_status(status)
        if self._pusher is not None:
            for name in changed:
                self.push_change_event(name)
                self.push_archive_event(name)

    @property
    def settings_file(self) -> str:
        return str(self.SettingsFile or os.environ.get("BRAGGLINE_SETTINGS", ""))

    def _load_settings(self) -> Settings:
        return load_settings(Path(self.settings_file) if self.settings_file else None)


def quick_redis(url: str) -> Redis:
    """A connection for somebody who waits at a panel: an absent Redis is told within two seconds."""
    return Redis.from_url(url, socket_connect_timeout=2.0, socket_timeout=10.0)
