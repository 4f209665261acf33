"""What is learned: networks, what they are trained on and judged by. torch is imported only where one is used."""

# a module of this folder each, whose TASK it is
NAMES: tuple[str, ...] = (
    "defects",
    "frame_strain",
    "ranking",
    "spurious",
    "triage",
)

__all__ = ["NAMES"]
