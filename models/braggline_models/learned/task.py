"""A task to learn: a network, an endless supply of examples, and a judge that knows the truth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from braggline_models.learned.model import Model

Clock = Callable[[], float]  # CPU seconds
Values = tuple[float, ...]


@dataclass(frozen=True)
class Batch:
    """inputs: one tensor (n, channels, ...) float32 for the network;  targets: what `Task.loss` compares with."""

    inputs: torch.Tensor
    targets: tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class Measure:
    """One figure of a card: `of` makes it from the values of all objects, (n_objects, k) float64.

    target   what ml.md asks for, with `better` telling the side; None where it asks for nothing
    against  the arm that must be beaten, and the arm that is ours
    """

    of: Callable[[NDArray[np.float64]], float]
    better: str = "higher"
    target: float | None = None
    ours: str = "learned"
    against: str = "control"
    unit: str = ""


@dataclass(frozen=True)
class Picture:
    """One object that was judged, for the card: panels (label, 2D array) side by side; `badness` ranks failures."""

    title: str
    panels: tuple[tuple[str, NDArray[np.floating]], ...]
    badness: float


@dataclass(frozen=True)
class Judgement:
    """One object: values by (measure, arm), CPU seconds by arm, and a picture where there is one."""

    values: Mapping[tuple[str, str], Values]
    cpu_s: Mapping[str, float] = field(default_factory=dict)
    picture: Picture | None = None


class Task(ABC):
    """Everything about one learned part but its weights. Subclasses hold no state: two of a kind are the same."""

    name: str
    version: int
    aim: str  # one sentence: what the model does
    control: str  # one sentence: the arm without learning that it is compared with
    data_range: str  # what it was trained on
    steps: int
    batch_size: int = 8
    learning_rate: float = 2e-3
    bins: tuple[str, ...] = ("all",)
    test_seed: int = 7_000_000  # first seed of the frozen test set; training never comes near it
    measures: Mapping[str, Measure]
    notes: str = ""  # what was tried and what was not reached, for the card

    @abstractmethod
    def network(self) -> torch.nn.Module:
        """Untrained; its parameters depend on torch's seed alone."""

    @abstractmethod
    def batch(self, rng: np.random.Generator) -> Batch:
        """`batch_size` fresh examples."""

    @abstractmethod
    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """A scalar to make small."""

    @abstractmethod
    def features(self, inputs: torch.Tensor) -> NDArray[np.float64]:
        """(n, k) plain statistics of each input, by which data outside the training range are told."""

    @abstractmethod
    def judge(self, model: Model, which: int, seed: int, clock: Clock) -> Judgement:
        """One object of bin `which` of the frozen test set, by the model and by its control at equal cost."""
