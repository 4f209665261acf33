"""braggline up, down, status, doctor: the whole service on one machine."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from braggline_service.cli.told import print_json, say

RunDir = Annotated[Path, typer.Option("--run-dir", help="where logs, Redis's file and process ids are")]
Json = Annotated[bool, typer.Option("--json", help="one JSON object on standard output")]
DEFAULT = Path("var/service")


def up(run_dir: RunDir = DEFAULT, config: Annotated[Path | None, typer.Option(help="settings file")] = None) -> None:
    """Start Redis, the Tango database if there is none, the workers and the three devices."""
    from braggline_service.settings import load_settings
    from braggline_service.stack import Stack

    stack = Stack(load_settings(config), run_dir.absolute())
    stack.up()
    _tell(stack.status(), False)


def down(run_dir: RunDir = DEFAULT) -> None:
    """Stop what `up` started; done twice it changes nothing."""
    from braggline_service.settings import load_settings
    from braggline_service.stack import Stack

    Stack(load_settings(), run_dir.absolute()).down()
    say("down")


def status(run_dir: RunDir = DEFAULT, json: Json = False) -> None:
    """What runs, with process ids and logs."""
    from braggline_service.settings import load_settings
    from braggline_service.stack import Stack

    parts = Stack(load_settings(), run_dir.absolute()).status()
    _tell(parts, json)
    if not parts or not all(part["alive"] for part in parts.values()):
        raise typer.Exit(1)


def doctor(json: Json = False) -> None:
    """Name what is missing on this machine, and what to do about it."""
    from braggline_service.settings import load_settings
    from braggline_service.stack import doctor as examine

    checks = examine(load_settings())
    if json:
        print_json({"checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            remedy = "" if check.ok else f"; {check.remedy}"
            say(f"{'ok  ' if check.ok else 'MISS'} {check.name}: {check.detail}{remedy}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _tell(parts: dict[str, dict[str, object]], json: bool) -> None:
    if json:
        print_json(parts)
        return
    if not parts:
        say("not up; `braggline up` starts the service")
    for name, part in parts.items():
        say(f"{name:<22} {'running' if part['alive'] else 'DOWN':<8} pid {part['pid']}  log {part['log']}")
