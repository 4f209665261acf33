"""The cleaning steps by name, and their going through one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from braggline_models.errors import BadInput
from braggline_models.preprocess.aliens import find_aliens
from braggline_models.preprocess.dead_pixels import find_dead
from braggline_models.preprocess.hot_pixels import find_hot
from braggline_models.preprocess.options import PrepareOptions
from braggline_models.preprocess.saturated import find_saturated
from braggline_models.preprocess.scene import Finding, Scene, scene_of
from braggline_models.preprocess.spurious import NAME, find_spurious
from braggline_models.preprocess.zingers import find_zingers
from braggline_models.scan import RockingCurve

Step = Callable[[Scene, PrepareOptions], Finding]  # a learned filter takes the same seat

STEPS: Mapping[str, Step] = {
    "dead": find_dead,
    "zingers": find_zingers,
    "hot": find_hot,
    "aliens": find_aliens,
    "saturated": find_saturated,
    NAME: find_spurious,
}


def cleaned(curve: RockingCurve, options: PrepareOptions) -> Scene:
    """The steps of `options.cleaning` in their order, each seeing what those before it left. The raw counts stay.

    What a step finds is unknown from then on, never zero, and told as a CleaningStep. A learned filter among the
    options' models that no step names comes last. BadInput for an unknown name.
    """
    scene, steps = scene_of(curve), checked_steps(options.cleaning)
    learned = (NAME,) if NAME in options.models and NAME not in steps else ()
    for name in (*steps, *learned):
        scene = scene.after(name, STEPS[name](scene, options))
    return scene


def checked_steps(names: Sequence[str]) -> tuple[str, ...]:
    """`names`, each a key of STEPS and each once. BadInput lists the known ones."""
    for name in names:
        if name not in STEPS:
            raise BadInput(f"cleaning: no step '{name}'; known are {', '.join(STEPS)}")
    if len(set(names)) < len(names):
        raise BadInput(f"cleaning: {', '.join(names)} names a step twice; give each once")
    return tuple(names)
