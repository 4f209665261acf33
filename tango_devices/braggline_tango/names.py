"""How the three servers and their devices are called."""

CLASSES = {
    "BraggIngest": "braggline_tango.ingest",
    "BraggReconstruction": "braggline_tango.reconstruction",
    "BraggAdvisor": "braggline_tango.advisor",
}


def device_name(class_name: str, instance: str, domain: str) -> str:
    """'id01/braggingest/main'."""
    return f"{domain}/{class_name.lower()}/{instance}"
