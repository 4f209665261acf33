"""What a run does, one step after the other, as a short string: `(RAAR**40,SW)**10,ER**60`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from braggline_models.errors import BadInput

UPDATES = ("ER", "HIO", "RAAR", "SF", "CF", "DM", "GPS", "ML", "MEAN")
DETWIN = "DETWIN"
SHRINK_WRAP = "SW"
WITH_MEMORY = ("GPS", "ML", "MEAN", DETWIN)  # their count belongs together: a dual, a direction, a mean, a plane
MARKS = (SHRINK_WRAP, "HALF", "FULL", "FRESH", "LOOSE", "ZERO", "FLOAT", "PSF", "SELECT", "BREED")
MEANING = {
    "ER": "error reduction, **n iterations",
    "HIO": "hybrid input-output, **n iterations",
    "RAAR": "relaxed averaged alternating reflections, **n iterations",
    "SF": "solvent flipping, **n iterations",
    "CF": "charge flipping, which needs no support, **n iterations",
    "DM": "difference map, **n iterations of two projections",
    "GPS": "generalised proximal smoothing, **n iterations",
    "ML": "conjugate gradients on the Poisson likelihood, **n iterations",
    "MEAN": "relaxed averaged alternating reflections, **n iterations, then the mean of these",
    DETWIN: "error reduction on one half of the support, **n iterations: breaks a twin image",
    SHRINK_WRAP: "the support follows the smoothed amplitude",
    "HALF": "go on with the inner half of reciprocal space: an eighth of the voxels",
    "FULL": "go on with the whole of reciprocal space",
    "FRESH": "add runs from scratch until there are as many as the recipe asks for",
    "ZERO": "unknown voxels (gaps, frames to come) are held at zero from here on",
    "FLOAT": "unknown voxels float freely from here on, as at the start",
    "PSF": "fit the partial coherence (recipe: coherence) to the data; it holds until HALF, FULL or new frames",
    "SELECT": "go on with the better half of the runs, by what they leave unexplained",
    "BREED": "the runs that do worse start again from the best one's neighbourhood",
    "LOOSE": "widen the support of each run, so that it can grow into what is newly known",
}
MOST_ITERATIONS = 100_000
_TOKEN = re.compile(r"\s*(\*\*\s*\d+|[A-Za-z]+|[(),]|\S)")


@dataclass(frozen=True)
class Step:
    """`count` iterations of an update, or a mark (count 0)."""

    name: str
    count: int = 0


Schedule = tuple[Step, ...]
ZERO = Step("ZERO")


def parse(text: str) -> Schedule:
    """The steps of `text` in order, repetitions written out. BadInput says what is wrong where."""
    return _parse(text)


def iterations(schedule: Schedule) -> int:
    """Number of iterations of one run."""
    return sum(step.count for step in schedule)


def needing_half(schedule: Schedule) -> int:
    """Number of steps, from the first to FULL, that know no more than the inner half of reciprocal space; 0: none."""
    names = [step.name for step in schedule]
    if "HALF" not in names or "FULL" not in names:
        return 0
    half, full = names.index("HALF"), names.index("FULL")
    return full + 1 if half < full and not iterations(schedule[:half]) else 0


def chunks(schedule: Schedule, longest: int = 20) -> Iterator[Schedule]:
    """Pieces after which progress can be told: a mark, `longest` iterations, or a step that has a memory."""
    for step in schedule:
        if step.count == 0 or step.name in WITH_MEMORY:
            yield (step,)
            continue
        for begin in range(0, step.count, longest):
            yield (Step(step.name, min(longest, step.count - begin)),)


@lru_cache(maxsize=64)
def _parse(text: str) -> Schedule:
    tokens = _TOKEN.findall(text)
    steps, rest = _sequence(tokens, text)
    if rest:
        raise BadInput(f"schedule '{text}': '{rest[0]}' is out of place; write like (RAAR**40,SW)**10,ER**60")
    if not 0 < iterations(steps) <= MOST_ITERATIONS:
        raise BadInput(f"schedule '{text}': {iterations(steps)} iterations; give 1 to {MOST_ITERATIONS}")
    return steps


def _sequence(tokens: list[str], text: str) -> tuple[Schedule, list[str]]:
    steps, tokens = _item(tokens, text)
    while tokens and tokens[0] == ",":
        more, tokens = _item(tokens[1:], text)
        steps += more
        if len(steps) > MOST_ITERATIONS:
            raise BadInput(f"schedule '{text}': too long; repeat less")
    return steps, tokens


def _item(tokens: list[str], text: str) -> tuple[Schedule, list[str]]:
    if not tokens:
        raise BadInput(f"schedule '{text}': a step is missing; write like (RAAR**40,SW)**10,ER**60")
    if tokens[0] == "(":
        steps, rest = _sequence(tokens[1:], text)
        if not rest or rest[0] != ")":
            raise BadInput(f"schedule '{text}': a bracket is not closed; add ')'")
        times, rest = _times(rest[1:], text)
        if times * len(steps) > MOST_ITERATIONS:
            raise BadInput(f"schedule '{text}': too long; repeat less")
        return steps * times, rest
    name = tokens[0].upper()
    if name not in MEANING:
        raise BadInput(f"schedule '{text}': unknown step '{tokens[0]}'; known are {', '.join(MEANING)}")
    times, rest = _times(tokens[1:], text)
    return ((Step(name),) * times if name in MARKS else (Step(name, times),)), rest


def _times(tokens: list[str], text: str) -> tuple[int, list[str]]:
    if not tokens or not tokens[0].startswith("**"):
        return 1, tokens
    times = int(tokens[0][2:])
    if not 1 <= times <= MOST_ITERATIONS:
        raise BadInput(f"schedule '{text}': {tokens[0]} repeats; give 1 to {MOST_ITERATIONS}")
    return times, tokens[1:]
