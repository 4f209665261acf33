"""Where frames come from: BLISS while it scans, files on disk."""
