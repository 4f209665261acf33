"""A phasing recipe: every number that a reconstruction depends on, apart from the data and the seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from braggline_models.errors import BadInput
from braggline_models.learned import NAMES
from braggline_models.phase_retrieval.schedule import parse
from braggline_models.preprocess import ALL_STEPS, Background, checked_steps

Start = Literal["autocorrelation", "box"]
ThresholdOf = Literal["max", "mean", "rms"]
CoherenceKind = Literal["none", "gaussian", "richardson-lucy"]


@dataclass(frozen=True)
class Recipe:
    """Fields with _px are in voxels, fractions lie between 0 and 1; config/recipes/default.yaml explains each."""

    # what is phased
    largest_px: int = 128
    background_counts: Background = 0.0
    cleaning: tuple[str, ...] = ALL_STEPS
    normalise: bool = True
    fill_gaps: bool = False
    learned: tuple[str, ...] = ()
    isosurface: float = 0.0
    apodisation: float = 0.4
    # runs
    runs: int = 8
    keep: float = 0.75
    most_outside: float = 0.10
    free_fraction: float = 0.05
    free_radius_px: int = 3
    free_center: float = 0.05
    # iterations
    schedule: str = (
        "HALF,(HIO**30,RAAR**10,SW)**5,SELECT,(HIO**30,RAAR**10,SW)**6,(RAAR**40,SW)**3,FULL,(RAAR**20,SW)**4,ER**30"
    )
    live: str = "ZERO,LOOSE,(HIO**30,RAAR**10,SW),RAAR**20,SW,FLOAT,ER**10"
    polish: str = (
        "FRESH,HALF,(HIO**30,RAAR**10,SW)**4,SELECT,(HIO**30,RAAR**10,SW)**3,(RAAR**40,SW)**2,"
        "FULL,(RAAR**10,SW)**2,ER**10"
    )
    refine: str = "MEAN**60,ML**30"
    beta: float = 0.9
    # support
    start: Start = "autocorrelation"
    start_level: float = 0.04
    start_box: float = 0.4
    threshold: float = 0.0
    thresholds: tuple[float, ...] = (0.2, 0.25, 0.3)
    threshold_of: ThresholdOf = "max"
    sigma_start_px: float = 2.0
    sigma_end_px: float = 1.0
    dilate_px: int = 1
    dilate_until: float = 0.5
    border_px: int = 0
    largest_component: bool = True
    smallest_support: float = 0.001
    largest_support: float = 0.25
    # partial coherence, fitted where the schedule says PSF
    coherence: CoherenceKind = "none"
    coherence_sigma_px: float = 0.5

    def __post_init__(self) -> None:
        for name in ("schedule", "live", "polish", "refine"):
            text = _checked(name, getattr(self, name), str)
            if text or name != "refine":  # an empty one leaves refining out
                parse(text)
        for name, (kind, low, high) in _RANGES.items():
            if name == "background_counts" and self.background_counts == "auto":
                continue
            value = _checked(name, getattr(self, name), kind)
            if not low <= value <= high:
                raise BadInput(f"recipe: {name} is {value}; give {low} to {high}")
        for name in ("largest_component", "normalise", "fill_gaps"):
            _checked(name, getattr(self, name), bool)
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise BadInput(f"recipe: {name} is '{getattr(self, name)}'; give one of {', '.join(choices)}")
        self._check_thresholds()
        self._check_cleaning()
        self._check_learned()
        if self.smallest_support >= self.largest_support:
            raise BadInput("recipe: smallest_support is not below largest_support; change one")

    def threshold_of_run(self, k: int) -> float:
        """The threshold of the k-th run: the one that is set, or those to choose from in turn."""
        return self.threshold or self.thresholds[k % len(self.thresholds)]

    def _check_thresholds(self) -> None:
        if not isinstance(self.thresholds, list | tuple) or not self.thresholds:
            raise BadInput(f"recipe: thresholds is {self.thresholds!r}; give a list such as [0.15, 0.25]")
        for value in self.thresholds:
            if not 0.01 <= _checked("thresholds", value, float) <= 3.0:
                raise BadInput(f"recipe: thresholds has {value}; give 0.01 to 3")
        object.__setattr__(self, "thresholds", tuple(self.thresholds))

    def _check_cleaning(self) -> None:
        if not isinstance(self.cleaning, list | tuple) or not all(isinstance(name, str) for name in self.cleaning):
            raise BadInput(f"recipe: cleaning is {self.cleaning!r}; give a list such as [{', '.join(ALL_STEPS)}]")
        object.__setattr__(self, "cleaning", checked_steps(self.cleaning))

    def _check_learned(self) -> None:
        if not isinstance(self.learned, list | tuple) or not all(isinstance(name, str) for name in self.learned):
            raise BadInput(f"recipe: learned is {self.learned!r}; give a list such as [{', '.join(NAMES)}]")
        if unknown := [name for name in self.learned if name not in NAMES]:
            raise BadInput(f"recipe: learned has no '{unknown[0]}'; known are {', '.join(NAMES)}")
        object.__setattr__(self, "learned", tuple(dict.fromkeys(self.learned)))

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Recipe:
        """The recipe with these `values`, the rest as by default; BadInput names unknown keys and wrong values."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(str(key) for key in values if key not in known):
            raise BadInput(f"recipe: unknown key(s) {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        return cls(**values)  # type: ignore[arg-type]

    def as_mapping(self) -> dict[str, object]:
        """All values by name, plain types only: the same content gives the same mapping."""
        values = asdict(self)
        values["thresholds"] = list(self.thresholds)
        values["cleaning"] = list(self.cleaning)
        values["learned"] = list(self.learned)
        return values


_CHOICES: dict[str, tuple[str, ...]] = {
    "start": get_args(Start),
    "threshold_of": get_args(ThresholdOf),
    "coherence": get_args(CoherenceKind),
}
_RANGES: dict[str, tuple[type, float, float]] = {
    "largest_px": (int, 16, 1024),
    "background_counts": (float, 0.0, 1e6),
    "isosurface": (float, 0.0, 0.99),
    "apodisation": (float, 0.0, 2.0),
    "runs": (int, 1, 1000),
    "keep": (float, 0.01, 1.0),
    "most_outside": (float, 0.0, 1.0),
    "free_fraction": (float, 0.0, 0.3),
    "free_radius_px": (int, 0, 10),
    "free_center": (float, 0.0, 0.5),
    "beta": (float, 0.1, 1.0),
    "start_level": (float, 1e-4, 0.9),
    "start_box": (float, 0.05, 0.9),
    "threshold": (float, 0.0, 3.0),
    "sigma_start_px": (float, 0.0, 10.0),
    "sigma_end_px": (float, 0.0, 10.0),
    "dilate_px": (int, 0, 10),
    "border_px": (int, 0, 20),
    "coherence_sigma_px": (float, 0.0, 3.0),
    "dilate_until": (float, 0.0, 1.0),
    "smallest_support": (float, 1e-5, 0.5),
    "largest_support": (float, 1e-4, 0.9),
}


def _checked(name: str, value: Any, kind: type) -> Any:
    allowed = (int, float) if kind is float else kind
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        raise BadInput(f"recipe: {name} is {value!r}, expected {kind.__name__}; correct it")
    return value
