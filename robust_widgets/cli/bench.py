"""``robust-widgets bench``: how fast a step is here, beside other packages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robust_widgets.cli.options import Device
from robust_widgets.cli.sentences import in_sentences

if TYPE_CHECKING:
    from robust_widgets.quality.race import Parity, Row

QUICK_STEPS, QUICK_ROUNDS = 10, 3
STEPS, ROUNDS = 20, 5
BATCHES = (1, 8, 32)


@in_sentences
def bench(
    model: Annotated[
        list[str] | None,
        typer.Argument(metavar="MODEL", help="Names or files.", show_default="default tiny"),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One picture at once, few steps: under a minute.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write the figures there.")
    ] = None,
    device: Device = None,
) -> None:
    """Time a step beside other packages on the same weights, picture and steps, in one process and in turn.

    The packages torchattacks, foolbox and robustness take part where they are installed. Quote the ratios: one time
    alone means nothing on a machine that does other things as well.
    """
    import torch

    from robust_widgets.files import write_whole
    from robust_widgets.models.registry import load_model
    from robust_widgets.quality.race import as_json, race
    from robust_widgets.quality.speed import machine_of

    rows: list[Row] = []
    parities: list[Parity] = []
    machine = ""
    for name in model or ("default", "tiny"):
        fast, plain = load_model(name, device=device), load_model(name, device=device, fast=False)
        fast.warm_up()
        machine = f"{machine_of(fast)}, torch {torch.__version__}"
        typer.echo(f"{fast!r}; {machine}; {fast.engine.way if fast.engine else 'as it is'}")
        batches, steps, rounds = ((1,), QUICK_STEPS, QUICK_ROUNDS) if quick else (BATCHES, STEPS, ROUNDS)
        found, parity = race(fast, plain, batches, steps, rounds, lambda why: typer.echo(f"left out: {why}"))
        typer.echo(_table(found, parity))
        rows += found
        parities += parity
    if json_file is not None:
        text = json.dumps(as_json(rows, parities, machine), indent=1)
        write_whole(json_file, lambda file: file.write(text.encode()))
        typer.echo(f"Wrote {json_file}.")


def _table(rows: list[Row], parities: list[Parity]) -> str:
    lines = [f"{'batch':>5}  {'loop':30} {'ms a step':>9}  {'x floor':>7}  {'x ours':>7}"]
    for row in rows:
        ratios = f"{row.ratio_to_floor:>7.2f}  {row.ratio_to_ours:>7.2f}"
        lines.append(f"{row.batch:>5}  {row.engine:30} {row.ms_per_step:>9.2f}  {ratios}")
    lines += [
        f"batch {parity.batch}: after {parity.steps} steps the picture is within {parity.largest:.1e} of the network's "
        f"own, {'the same' if parity.same_class else 'ANOTHER'} class, probability within {parity.probability:.1e}"
        for parity in parities
    ]
    return "\n".join(lines)
