"""``robust-widgets evaluate merge``: accuracies that several processes measured, as one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robust_widgets.cli.evaluate.accuracy import accuracy_table, group_by_count
from robust_widgets.cli.options import report_errors


@report_errors
def merge(
    parts: Annotated[Path, typer.Argument(metavar="PARTS", help="The folder that --out named with --shard.")],
    per_class: Annotated[bool, typer.Option("--per-class", help="Also print a row for each class.")] = False,
) -> None:
    """Join the accuracies that several processes measured with --shard.

    They are those that one process would have measured: the batches and their random starts are the same.
    """
    from robust_widgets.training.accuracy_parts import merge_parts

    results, classes = merge_parts(parts)
    for group in group_by_count(results):
        typer.echo(accuracy_table(group, classes if per_class else ()))
