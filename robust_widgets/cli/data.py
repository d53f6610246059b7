"""``robust-widgets data``: folders of pictures to train on, made from what others give out."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from robust_widgets.cli.error_handling import in_sentences
from robust_widgets.errors import DataError

data = typer.Typer(
    name="data", no_args_is_help=True, rich_markup_mode=None, help="Make folders of pictures to train on."
)

Out = Annotated[Path, typer.Option(metavar="DIR", help="The folder to make; it must not exist yet, or be empty.")]


@data.command()
@in_sentences
def restricted_tiny_imagenet(
    archive: Annotated[
        Path, typer.Option("--from", metavar="ZIP", help="The official tiny-imagenet-200.zip, as it was downloaded.")
    ],
    out: Out,
) -> None:
    """Sort Tiny ImageNet as the shipped models saw it.

    69 of its 200 classes become 27 everyday ones. ImageNet's terms apply to the pictures: research and teaching.
    """
    from robust_widgets.training.data import make_restricted_tiny_imagenet

    made = make_restricted_tiny_imagenet(archive, out, say=typer.echo)
    train = shlex.join(["robust-widgets", "train", str(out), "--out", "model.safetensors"])
    typer.echo(f"wrote {out}: {made['train']:,} pictures in train, {made['val']:,} in val; train on them with: {train}")


@data.command()
@in_sentences
def split_by_name(
    pictures: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="A folder of pictures, at any depth; with train and val in it, so has the result."
        ),
    ],
    domains: Annotated[
        list[str],
        typer.Argument(
            metavar="DOMAIN=PREFIX...",
            help="A domain's name, and what its file names begin with; several are separated by commas.",
        ),
    ],
    out: Out,
) -> None:
    """Sort pictures into folders by file name.

    For example: robust-widgets data split-by-name DATA --out DIR orange=n07747607 lemon=n07749582
    """
    from robust_widgets.training.data import split_by_name as split

    copied = split(pictures, out, parsed(domains), say=typer.echo)
    typer.echo(f"wrote {out}: " + ", ".join(f"{count:,} pictures of {name}" for name, count in copied.items()))


def parsed(domains: list[str]) -> dict[str, list[str]]:
    """``["orange=n07747607"]`` as ``{"orange": ["n07747607"]}``.

    Raises:
        DataError: one without "=".
    """
    found: dict[str, list[str]] = {}
    for text in domains:
        name, equals, beginnings = text.partition("=")
        if not equals:
            raise DataError(f"{text!r} says no domain; write its name and a prefix, such as 'orange=n07747607'.")
        found.setdefault(name.strip(), []).extend(part.strip() for part in beginnings.split(","))
    return found
