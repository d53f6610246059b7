"""``robust-widgets merge``: what the shards of a night on a cluster made, as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robust_widgets.cli.options import report_errors


@report_errors
def merge(
    shards: Annotated[Path, typer.Argument(metavar="SHARDS", help="The folder that --out named with --shard.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to make, or to continue.")],
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Join what there is, if some pictures could not be made.")
    ] = False,
) -> None:
    """Join the pictures that several processes made with --shard in one folder.

    It holds what one process would have made: the same pictures, under the same numbers. If interrupted, run the same
    command again to continue.
    """
    from robust_widgets.tasks.running.shards import merge_pictures

    count = merge_pictures(shards, out, allow_missing=allow_missing, say=lambda text: typer.echo(text, err=True))
    typer.echo(f"wrote {out}, {count} pictures")
