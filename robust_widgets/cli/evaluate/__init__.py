"""``robust-widgets evaluate``: measure a model's accuracy, its pictures, or everything for a model card."""

from __future__ import annotations

import typer

from robust_widgets.cli.evaluate.accuracy import accuracy
from robust_widgets.cli.evaluate.card import card
from robust_widgets.cli.evaluate.merge import merge
from robust_widgets.cli.evaluate.tasks import tasks
from robust_widgets.cli.old_spellings import EvaluateGroup

__all__ = ["evaluate"]

evaluate = typer.Typer(
    name="evaluate",
    cls=EvaluateGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Measure a model's accuracy and the pictures it makes.",
)
for command in (accuracy, merge, tasks, card):
    evaluate.command()(command)
