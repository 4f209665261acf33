"""Devices of braggline in a process of their own, on a real Redis; no Tango database is needed for events here."""

import time
from contextlib import contextmanager

import pytest
import tango
from redis import Redis
from tango.test_context import MultiDeviceTestContext

PATIENCE_S = 15.0


def until(condition, what):
    """Poll until `condition()` is true; the deadline fails the test and says what was awaited."""
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.02)
    return answer


class Events:
    """What a client is sent for one attribute: (value, quality) in the order of arrival."""

    def __init__(self, proxy, name, kind=tango.EventType.CHANGE_EVENT):
        self.seen = []
        self.proxy = proxy
        self.identifier = proxy.subscribe_event(name, kind, self._take)

    def _take(self, event):
        if not event.err:
            self.seen.append((event.attr_value.value, event.attr_value.quality))

    def close(self):
        self.proxy.unsubscribe_event(self.identifier)

    @property
    def qualities(self):
        return [quality for _, quality in self.seen]


@pytest.fixture
def device(settings_file):
    """device(DeviceClass, **properties) -> context manager of a proxy."""

    @contextmanager
    def running(device_class, **properties):
        name = f"id01/{device_class.__name__.lower()}/test"
        entry = {"name": name, "properties": {"SettingsFile": str(settings_file)} | properties}
        with MultiDeviceTestContext([{"class": device_class, "devices": [entry]}], process=True) as context:
            yield context.get_device(name)

    return running


@pytest.fixture
def settings_file(redis_server, tmp_path, monkeypatch):
    recipes = tmp_path / "config" / "recipes"
    recipes.mkdir(parents=True)
    for name in ("default", "thorough"):
        (recipes / f"{name}.yaml").write_text("{}\n")
    monkeypatch.setenv("BRAGGLINE_CONFIG", str(tmp_path / "config"))
    path = tmp_path / "braggline.yaml"
    path.write_text(f"redis:\n  url: {redis_server.url}\n")
    return path


@pytest.fixture
def redis(redis_server):
    with Redis.from_url(redis_server.url) as client:
        yield client
