"""The command line, with one file for each command.

To keep ``--help`` fast, commands import torch, and everything that needs it, only when they run.
"""

from __future__ import annotations

from typing import Annotated

import typer

from robust_widgets import __version__
from robust_widgets.cli.bench import bench
from robust_widgets.cli.class_pictures import class_pictures
from robust_widgets.cli.convert import convert
from robust_widgets.cli.data import data
from robust_widgets.cli.doctor import doctor
from robust_widgets.cli.evaluate import evaluate
from robust_widgets.cli.explain import explain
from robust_widgets.cli.features import features
from robust_widgets.cli.lab import lab
from robust_widgets.cli.merge import merge
from robust_widgets.cli.models import models
from robust_widgets.cli.old_spellings import TrainCommand
from robust_widgets.cli.page import page
from robust_widgets.cli.serve import serve
from robust_widgets.cli.tasks import task_commands
from robust_widgets.cli.train import train

__all__ = ["app"]

app = typer.Typer(
    name="robust-widgets",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.command(context_settings={"ignore_unknown_options": True})(lab)
for name, function, hidden in task_commands():
    app.command(name, hidden=hidden)(function)
app.command(cls=TrainCommand)(train)
for command in (page, explain, features, class_pictures, models, convert, bench, doctor):
    app.command()(command)
app.add_typer(evaluate)
app.add_typer(data)
app.command()(merge)
app.command()(serve)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"robust-widgets {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Paint with an adversarially robust image classifier."""
