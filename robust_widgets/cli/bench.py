"""``robust-widgets bench``: the speed of a step on this machine, in comparison with other packages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robust_widgets.cli.options import Device, Force, checked_outputs, report_errors, write_each

if TYPE_CHECKING:
    from robust_widgets.benchmark.compare import Parity, Row
    from robust_widgets.models.classifier import RobustClassifier


@report_errors
def bench(
    model: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL",
            help="Names or files; resnet50 is torchvision's at 224 pixels, with random weights.",
            show_default="default tiny, and resnet50 without --quick",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Single pictures, few steps, no memory: about a minute.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write the results to this file.")
    ] = None,
    chart: Annotated[
        Path | None, typer.Option("--chart", metavar="FILE", help="Also write a bar chart to this file, as .png.")
    ] = None,
    force: Force = False,
    device: Device = None,
) -> None:
    """Compare the speed of a step with other packages.

    All use the same weights, picture, loss and steps, interleaved in one process. torchattacks, foolbox and robustness
    are included if they are installed. Quote the ratios: absolute times depend on what else the machine does.
    """
    json_files = checked_outputs([json_file] if json_file else [], [".json"], force=force)
    charts = checked_outputs([chart] if chart else [], [".png"], force=force)
    import torch

    from robust_widgets.benchmark.compare import as_json, cases_for, compare, report_missing
    from robust_widgets.benchmark.speed import machine_of
    from robust_widgets.benchmark.workload import RESNET50, benchmark_models

    def log(reason: str) -> None:
        typer.echo(f"skipped: {reason}")

    report_missing(log)
    rows: list[Row] = []
    parities: list[Parity] = []
    machine = ""
    for name in model or ("default", "tiny", *([] if quick else [RESNET50])):
        fast, plain = benchmark_models(name, device)
        machine = f"{machine_of(fast)}, torch {torch.__version__}"
        typer.echo(f"\n{fast!r}; {machine}")
        for case in cases_for(fast, quick):
            fast.warm_up(case.batch)
            case_rows, parity = compare(fast, plain, case, "" if quick else name, log)
            typer.echo(_table(case_rows, parity, _backend(fast, case.batch)))
            rows += case_rows
            parities += [parity] if parity else []
    if json_files:
        text = json.dumps(as_json(rows, parities, machine), indent=1)
        write_each([(json_files[0], lambda file: file.write(text.encode()))], force=force)
    if charts:
        from robust_widgets.evaluation.charts import speed_chart

        png = speed_chart(rows)
        write_each([(charts[0], lambda file: file.write(png))], force=force)


def _backend(model: RobustClassifier, batch: int) -> str:
    """The backend that a model uses for a batch of this size, and whether whole steps are recorded."""
    import torch

    from robust_widgets.compiler.autotune import batch_size_for
    from robust_widgets.compiler.engine import EAGER, TITLES
    from robust_widgets.solvers.step_graph import backend_for

    if model.engine is None:
        return TITLES[EAGER]
    side = model.input_size
    if backend_for(model, torch.zeros(batch, 3, side, side, device=model.device)) is not None:
        return "whole steps recorded"
    return TITLES[model.engine.selected.get(batch_size_for(batch), EAGER)]


def _table(rows: Sequence[Row], parity: Parity | None, backend: str) -> str:
    from robust_widgets.benchmark.compare import NUDGE

    head = f"{rows[0].task}, batch {rows[0].batch}"
    lines = [f"(backend: {backend})", f"{head:30} {'ms/step':>9}  {'x floor':>7}  {'x ours':>7}  {'peak MB':>7}"]
    for row in rows:
        peak = "" if row.peak_mb is None else f"{row.peak_mb:.0f}"
        ratios = f"{row.ratio_to_floor:>7.2f}  {row.ratio_to_ours:>7.2f}"
        lines.append(f"{row.engine:30} {row.ms_per_step:>9.2f}  {ratios}  {peak:>7}".rstrip())
    if parity is not None:
        lines.append(
            f"after {parity.steps} steps the picture is within {parity.largest:.1e} of the uncompiled model's, "
            f"{'the same' if parity.same_class else 'ANOTHER'} class, probability within {parity.probability:.1e}; "
            f"the uncompiled model's moves by {parity.nudged:.1e} if its start moves by {NUDGE:.0e}"
        )
    return "\n".join(lines)
