"""The whole service on one machine: its Redis, a Tango database if there is none, and the three device servers."""

from braggline_service.stack.doctor import Check, doctor
from braggline_service.stack.stack import Stack

__all__ = ["Check", "Stack", "doctor"]
