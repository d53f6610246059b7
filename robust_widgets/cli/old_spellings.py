"""Old spellings of commands and options, accepted for one more release. Remove this file in the next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

RENAMED_OPTIONS = {
    "--radius": "--epsilon",
    "--radius-warm-up": "--epsilon-warm-up",
    "--side": "--size",
    "--auto-limit": "--autoattack-limit",
    "--auto-radius": "--autoattack-epsilon",
    "--afresh": "--no-cache",
}


def renamed(arguments: Sequence[str], new_names: dict[str, str] = RENAMED_OPTIONS) -> list[str]:
    """Arguments with the new names of options, whether written ``--name value`` or ``--name=value``."""
    split = [argument.partition("=") for argument in arguments]
    return [new_names.get(name, name) + equals + value for name, equals, value in split]


def evaluate_arguments(arguments: Sequence[str]) -> list[str]:
    """Arguments of ``evaluate`` before it had subcommands, as those of a subcommand."""
    names = {argument.partition("=")[0] for argument in arguments}
    if "--card" in names:
        return ["card", *renamed(arguments, {**RENAMED_OPTIONS, "--card": "--out"})]
    if "--tasks" in names:
        return ["tasks", *renamed([argument for argument in arguments if argument != "--tasks"])]
    return ["accuracy", *renamed(arguments)]


def _warn(command: str, arguments: Sequence[str]) -> None:
    new = shlex.join(["robust-widgets", command, *arguments])
    typer.echo(f"This spelling will be removed in the next release; the new one is: {new}", err=True)


class TrainCommand(TyperCommand):
    """The command ``train``, also with the old names of its options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        new = renamed(args)
        if new != args:
            _warn("train", new)
        return super().parse_args(ctx, new)


class EvaluateGroup(TyperGroup):
    """The group ``evaluate``, also as the single command that it was."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if len(args) > 1 and args[0] not in self.commands and "--help" not in args:
            args = evaluate_arguments(args)
            _warn("evaluate", args)
        return super().parse_args(ctx, args)
