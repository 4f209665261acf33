"""The table of how phasing ends, that crystal ranking is trained on: makes braggline_models/learned/ranking_table.py.

    python -m braggline_service.learned.ranking_table 0 400 700 1100 -o ranking_table.py

Half a second a crystal on one core; the same seeds give the same table.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import typer

from braggline_models.errors import BadInput
from braggline_models.learned.ranking_data import Outcome, encoded, phased, scene
from braggline_service.cli.told import progress
from braggline_service.nexus import written_whole

LINE = 112  # digits a line
HEAD = '''"""How phasing ended for the crystals of ranking_data, by first seed; four hexadecimal digits (`encoded`).

Generated: python -m braggline_service.learned.ranking_table {ranges}
"""

BLOCKS = {{
'''


def outcome(seed: int) -> Outcome:
    """One crystal, in a process of its own."""
    return phased(scene(seed), seed)


def table_text(blocks: Sequence[tuple[int, str]]) -> str:
    """The module. blocks: first seed, digits."""
    ranges = " ".join(f"{first} {first + len(digits) // 4}" for first, digits in blocks)
    lines = [HEAD.format(ranges=ranges)]
    for first, digits in blocks:
        parts = [digits[k : k + LINE] for k in range(0, len(digits), LINE)]
        lines.append(f"    {first}: (\n" + "".join(f'        "{part}"\n' for part in parts) + "    ),\n")
    return "".join([*lines, "}\n"])


def main(
    bounds: Annotated[list[int], typer.Argument(metavar="FIRST AFTER ...", help="ranges of seeds")],
    out: Annotated[Path, typer.Option("-o", "--out")],
    workers: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Phase every crystal of these ranges and write the table."""
    if len(bounds) % 2:
        raise BadInput(f"{len(bounds)} numbers; give pairs: the first seed and the first after")
    ranges = [range(a, b) for a, b in zip(bounds[::2], bounds[1::2], strict=True)]
    total, done, blocks = sum(map(len, ranges)), 0, []
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool, progress(f"phasing {total} crystals") as tell:
        for seeds in ranges:
            digits = []
            for found in pool.map(outcome, seeds, chunksize=4):
                digits.append(encoded(found))
                done += 1
                tell(done / total)
            blocks.append((seeds.start, "".join(digits)))
    with written_whole(out) as part:
        part.write_text(table_text(blocks))


if __name__ == "__main__":
    typer.run(main)
