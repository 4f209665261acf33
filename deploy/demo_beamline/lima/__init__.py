"""An emulated LimaCCDs: the Tango interface that BLISS's stock Lima controller asks for, and Lima's own files."""
