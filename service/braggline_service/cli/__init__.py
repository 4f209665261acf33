"""The command `braggline`: one file a command; what goes wrong is one line."""

from braggline_service.cli.main import main

__all__ = ["main"]
