"""Weights on disk, training, evaluation and model cards: what learned models need beside arrays."""
