"""braggline train, evaluate and export: models that are learned, and what they are worth."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from braggline_models.errors import BadInput
from braggline_service.cli.told import print_json, progress, say

Name = Annotated[str, typer.Argument(metavar="TASK", help="a learned task; a wrong name lists them")]
Weights = Annotated[Path | None, typer.Option(help="folder with the weights; default: those that came with braggline")]


def train(
    name: Name,
    out: Annotated[Path, typer.Option("-o", "--out", help="folder for weights, record and checkpoint")] = Path(
        "weights"
    ),
    steps: Annotated[int | None, typer.Option(min=1, help="batches; default: the task's own number")] = None,
    seed: Annotated[int, typer.Option(min=0, help="same seed, same weights on the same machine")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="processes that make examples; 0: none beside this one")] = 1,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    resume: Annotated[bool, typer.Option("--resume", help="go on from the checkpoint in the folder")] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Train a model from simulated crystals; stopped at any time, it goes on from its last minute with --resume."""
    if device not in ("cpu", "cuda"):
        raise BadInput(f"--device {device}: give cpu or cuda")
    import torch

    from braggline_models.learned.tasks import task
    from braggline_service.learned.training import Plan, train

    torch.set_num_threads(1)
    plan = Plan(steps or task(name).steps, seed, workers, device, resume)
    with progress(f"training {name}, {plan.steps} steps") as tell:
        record = train(name, out, plan, lambda done, total, _: tell(done / total))
    if json:
        print_json(asdict(record))
    say(f"loss {record.trained['loss_first']:.4g} to {record.trained['loss_last']:.4g}\n{out / name}.safetensors")


def evaluate(
    name: Name,
    objects: Annotated[int, typer.Option(min=2, help="of each bin of the frozen test set")] = 100,
    weights: Weights = None,
    card: Annotated[Path | None, typer.Option(help="folder to write the model card and its pictures to")] = None,
    workers: Annotated[int, typer.Option(min=1, help="processes side by side")] = 2,
) -> None:
    """A model against its control on the frozen test set: every figure of its card."""
    from braggline_models.learned.tasks import task
    from braggline_service.learned.card import write_card
    from braggline_service.learned.evaluation import evaluate
    from braggline_service.learned.weights import SHIPPED, load_record

    of, folder = task(name), weights or SHIPPED
    record = load_record(name, folder)
    with progress(f"judging {name}, {objects} objects in each of {len(of.bins)} bins") as tell:
        found = evaluate(name, folder, objects, workers, tell)
    if card is not None:
        say(str(write_card(card, of, record, found, objects)))
    print_json({
        "task": name, "model": found.model, "objects": objects, "cost_ms": found.cost_ms,
        "figures": [asdict(figure) for figure in found.figures],
    })  # fmt: skip


def export(
    name: Name,
    out: Annotated[Path, typer.Option("-o", "--out", help="TorchScript file (.pt) to write")],
    weights: Weights = None,
) -> None:
    """A model as TorchScript, for programs that have torch but not braggline."""
    from braggline_service.cli.given import writable
    from braggline_service.learned.export import write_torchscript
    from braggline_service.learned.weights import SHIPPED

    write_torchscript(writable(out), name, weights or SHIPPED)
    say(str(out))
