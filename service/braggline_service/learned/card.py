"""A model card: what the model does, how it was measured, where it fails. Written by `braggline evaluate`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from braggline_models.learned.figures import Figure
from braggline_models.learned.task import Measure, Picture, Task
from braggline_service.learned.evaluation import Evaluation
from braggline_service.learned.weights import Record
from braggline_service.nexus import written_whole


def write_card(folder: Path, of: Task, record: Record, found: Evaluation, objects: int) -> Path:
    """NAME.md in `folder`, and a picture of each of the worst objects beside it."""
    names = []
    for number, picture in enumerate(found.pictures):
        names.append(f"{of.name}_{number}.png")
        _draw(folder / names[-1], picture)
    path = folder / f"{of.name}.md"
    with written_whole(path) as part:
        part.write_text("\n".join([*_head(of, record), *_tables(of, found), *_tail(of, found, names, objects)]) + "\n")
    return path


def verdict(measure: Measure, figures: tuple[Figure, ...], name: str) -> str:
    """By how much the model beats its control, and whether the target is reached: over the bins, one sentence."""
    told = []
    for ours in (f for f in figures if f.measure == name and f.arm == measure.ours):
        rival = next((f for f in figures if (f.measure, f.bin, f.arm) == (name, ours.bin, measure.against)), None)
        words = [*_ahead(measure, ours, rival), *_reached(measure, ours)]
        if words:
            told.append(f"{ours.bin}: {', '.join(words)}")
    return "; ".join(told)


def _ahead(measure: Measure, ours: Figure, rival: Figure | None) -> list[str]:
    if rival is None:
        return []
    sign = 1 if measure.better == "higher" else -1
    ahead = sign * (ours.value - rival.value)
    clear = ours.low > rival.high if sign > 0 else ours.high < rival.low
    told = f"{'ahead' if ahead > 0 else 'not ahead'} by {ahead:+.3g}"
    return [told if clear else f"{told} (intervals overlap)"]


def _reached(measure: Measure, ours: Figure) -> list[str]:
    if measure.target is None:
        return []
    missing = (measure.target - ours.value) * (1 if measure.better == "higher" else -1)
    return ["target reached" if missing <= 0 else f"target {measure.target:g} missed by {missing:.3g}"]


def _head(of: Task, record: Record) -> list[str]:
    trained = record.trained
    return [
        f"# {of.name}, version {of.version}", "", of.aim, "",
        f"* weights: {of.name}.safetensors, sha256 {record.sha256}",
        f"* trained: {trained['steps']} steps of {of.batch_size}, seed {trained['seed']}, {trained['minutes']:g} min, "
        f"{trained['device']}; loss {trained['loss_first']:.4g} to {trained['loss_last']:.4g}",
        f"* data: {of.data_range}",
        f"* control: {of.control}", "",
    ]  # fmt: skip


def _tables(of: Task, found: Evaluation) -> list[str]:
    lines = []
    for name, measure in of.measures.items():
        these = [f for f in found.figures if f.measure == name]
        arms = list(dict.fromkeys(f.arm for f in these))
        unit = f" ({measure.unit})" if measure.unit else ""
        lines += [f"## {name}{unit}, {measure.better} is better", ""]
        lines += [f"| | {' | '.join(arms)} |", "|---" * (len(arms) + 1) + "|"]
        for bin_ in of.bins:
            row = {f.arm: f for f in these if f.bin == bin_}
            if row:
                lines.append(f"| {bin_} | " + " | ".join(_told(row.get(arm)) for arm in arms) + " |")
        lines += ["", told, ""] if (told := verdict(measure, found.figures, name)) else [""]
    return lines


def _told(figure: Figure | None) -> str:
    if figure is None or not np.isfinite(figure.value):
        return ""
    return f"{figure.value:.3g} ({figure.low:.3g} to {figure.high:.3g})"


def _tail(of: Task, found: Evaluation, names: list[str], objects: int) -> list[str]:
    costs = ", ".join(f"{arm} {ms:.0f} ms" for arm, ms in found.cost_ms.items())
    lines = [
        f"95 % intervals by bootstrap over objects: {objects} a bin, seeds from {of.test_seed} on, 10000 apart by bin.",
        "", f"CPU time an object, one thread: {costs}.", "",
        "Made by:", "", f"    braggline evaluate {of.name} --objects {objects}", "",
    ]  # fmt: skip
    if of.notes:
        lines += ["## Tried and not reached", "", of.notes, ""]
    if names:
        lines += ["## The worst objects", ""]
        lines += [f"![{p.title}]({name})\n\n*{p.title}*\n" for p, name in zip(found.pictures, names, strict=True)]
    return lines


def _draw(path: Path, picture: Picture) -> None:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(2.4 * len(picture.panels), 2.7), dpi=80, layout="constrained")
    for number, (label, image) in enumerate(picture.panels):
        axes = canvas.add_subplot(1, len(picture.panels), number + 1)
        axes.imshow(image, origin="lower", interpolation="nearest")
        axes.set_title(label, fontsize=9)
        axes.set_axis_off()
    with written_whole(path) as part:
        canvas.savefig(part, format="png")
