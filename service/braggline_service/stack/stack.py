"""Stack: everything up, everything down, and what runs."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

import yaml

from braggline_service.processes import PartDown, ProcessId, RunFile, Supervisor
from braggline_service.processes.background import down, up_in_background
from braggline_service.settings import Settings
from braggline_service.stack.parts import redis_part, register_part, server_part, tango_part
from braggline_service.stack.places import SERVERS, Places, find_places

LOG = logging.getLogger(__name__)
TRIES = 3


class Stack:
    """The service in one run folder. `up`/`down`/`status` for a person; `start`/`stop` (or `with`) hold it in this
    process. The settings that the parts really use are in RUN/settings.yaml; they restart when they end by themselves.
    """

    def __init__(self, settings: Settings, run_dir: Path, tango_host: str | None = None) -> None:
        """tango_host: default $TANGO_HOST; without one, a database is started."""
        self.settings = settings
        self.run_dir = Path(run_dir).absolute()
        self.file = RunFile(self.run_dir)
        self.settings_file = self.run_dir / "settings.yaml"
        self._given_tango_host = os.environ.get("TANGO_HOST", "") if tango_host is None else tango_host
        self._places: Places | None = None
        self._group: Supervisor | None = None

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ---- where things are
    @property
    def places(self) -> Places:
        if self._places is None:
            raise RuntimeError(f"the service of {self.run_dir} has not been started by this object")
        return self._places

    @property
    def redis_url(self) -> str:
        return self.places.redis_url

    @property
    def tango_host(self) -> str:
        return self.places.tango_host

    @property
    def env(self) -> dict[str, str]:
        """The environment of the device servers, and of who wants to talk to them."""
        return {**os.environ, "TANGO_HOST": self.tango_host, "BRAGGLINE_SETTINGS": str(self.settings_file)}

    # ---- for a person
    def up(self) -> dict[str, Any]:
        """Start in the background and return when all is ready; gives the state. AlreadyUp if it runs."""
        self.run_dir.mkdir(parents=True, exist_ok=True)
        asked = self.run_dir / "asked.yaml"
        asked.write_text(yaml.safe_dump(self.settings.model_dump(mode="json")))
        env = {**os.environ, "TANGO_HOST": self._given_tango_host}
        command = [sys.executable, "-m", "braggline_service.stack", str(self.run_dir), str(asked)]
        return up_in_background(command, self.run_dir, env)

    def down(self) -> bool:
        """Stop it; False if nothing ran."""
        return down(self.run_dir)

    def status(self) -> dict[str, dict[str, Any]]:
        """{part: {pid, started, alive, port, log, restarts}}, whoever started it; empty if it is down."""
        if self._group is not None:
            return self._group.status()
        parts: dict[str, dict[str, Any]] = self.file.read().get("parts", {})
        return {name: part | {"alive": ProcessId(part["pid"], part["started"]).alive} for name, part in parts.items()}

    # ---- in this process
    def start(self) -> None:
        """Start every part; PartDown or BadInput (one line) if one does not come up, and nothing is left running."""
        self.file.acquire()
        try:
            for attempt in range(TRIES):
                try:
                    self._start_on(find_places(self.settings, self._given_tango_host))
                    return
                except PartDown as error:
                    self._stop_parts()
                    if "in use" not in str(error) or attempt == TRIES - 1:
                        raise
                    LOG.info("a port was taken meanwhile, trying others: %s", error)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop every part in reverse order; may be called again."""
        self._stop_parts()
        self.file.release()

    def _start_on(self, places: Places) -> None:
        self._places = places
        self._group = Supervisor(self.run_dir / "log", on_change=self._note)
        redis = self.settings.redis.model_copy(update={"url": places.redis_url})
        resolved = self.settings.model_copy(update={"redis": redis})
        self.settings_file.write_text(yaml.safe_dump(resolved.model_dump(mode="json"), sort_keys=False))
        first = [redis_part(self.run_dir, places.redis_port)] if places.redis_port else []
        first += [tango_part(self.run_dir, places.tango_port)] if places.tango_port else []
        self._group.start(*first)
        with Supervisor(self.run_dir / "log") as once:
            once.start(register_part(self.run_dir, self.env, self.settings_file))
        self._group.start(*(server_part(name, self.run_dir, self.env, places) for name in SERVERS))
        self._note("up")

    def _note(self, phase: str = "") -> None:
        """Write the state down; a restart of a part keeps the phase."""
        if self._group is None:
            return
        parts = self._group.status()
        up = phase == "up" or SERVERS[-1].lower() in parts
        info = {"redis_url": self.redis_url, "tango_host": self.tango_host, "settings": str(self.settings_file)}
        self.file.write("up" if up else "starting", parts=parts, info=info)

    def _stop_parts(self) -> None:
        if self._group is not None:
            self._group.stop(grace_s=20.0)  # a worker hands back what it holds
            self._group = None
