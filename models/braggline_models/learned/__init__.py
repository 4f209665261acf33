"""What is learned: networks, what they are trained on and judged by. torch is imported only where one is used."""

NAMES: tuple[str, ...] = ("spurious",)  # a module of this folder each, whose TASK it is

__all__ = ["NAMES"]
