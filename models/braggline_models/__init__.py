"""The physics of braggline: arrays in, arrays out. No files, sockets, clocks or settings."""

__version__ = "0.1.0"
