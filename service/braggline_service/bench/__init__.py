"""What this machine does, measured with the real parts."""
