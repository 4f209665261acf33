"""Registers the three devices of one instance in the Tango database."""

from __future__ import annotations

from tango import Database, DbDevInfo

from braggline_tango.names import CLASSES, device_name


def register(instance: str, domain: str, settings_file: str = "") -> list[str]:
    """`DOMAIN/braggingest/INSTANCE` and its two fellows, one server each. Gives the device names."""
    database = Database()
    names = []
    for class_name in CLASSES:
        info = DbDevInfo()
        info.server, info._class, info.name = (
            f"{class_name}/{instance}",
            class_name,
            device_name(class_name, instance, domain),
        )
        database.add_device(info)
        if settings_file:
            database.put_device_property(info.name, {"SettingsFile": [settings_file]})
        names.append(info.name)
    return names
