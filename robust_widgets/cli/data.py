"""``robust-widgets data``: make folders of training pictures from published data sets."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from robust_widgets.cli.options import report_errors
from robust_widgets.errors import DataError

data = typer.Typer(name="data", no_args_is_help=True, rich_markup_mode=None, help="Make folders of training pictures.")

Out = Annotated[Path, typer.Option(metavar="DIR", help="The folder to create; it must not exist, or be empty.")]


@data.command()
@report_errors
def restricted_tiny_imagenet(
    archive: Annotated[
        Path, typer.Option("--from", metavar="ZIP", help="The official tiny-imagenet-200.zip, as downloaded.")
    ],
    out: Out,
) -> None:
    """Sort Tiny ImageNet as for the bundled models.

    69 of its 200 classes become 27 everyday ones. ImageNet's terms apply to the pictures: research and teaching only.
    """
    from robust_widgets.training.data import make_restricted_tiny_imagenet

    counts = make_restricted_tiny_imagenet(archive, out, log=typer.echo)
    train = shlex.join(["robust-widgets", "train", str(out), "--out", "model.safetensors"])
    typer.echo(
        f"wrote {out}: {counts['train']:,} pictures in train, {counts['val']:,} in val; train on them with: {train}"
    )


@data.command()
@report_errors
def split_by_name(
    pictures: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="A folder of pictures, at any depth. If it has train and val, so has the result."
        ),
    ],
    domains: Annotated[
        list[str],
        typer.Argument(
            metavar="DOMAIN=PREFIX...",
            help="A domain's name and the prefix of its file names; separate several prefixes by commas.",
        ),
    ],
    out: Out,
) -> None:
    """Sort pictures into folders by file name.

    Example: robust-widgets data split-by-name DATA --out DIR orange=n07747607 lemon=n07749582
    """
    from robust_widgets.training.data import split_by_name as split

    copied = split(pictures, out, parse_domains(domains), log=typer.echo)
    typer.echo(f"wrote {out}: " + ", ".join(f"{count:,} pictures of {name}" for name, count in copied.items()))


def parse_domains(domains: list[str]) -> dict[str, list[str]]:
    """``["orange=n07747607"]`` as ``{"orange": ["n07747607"]}``.

    Raises:
        DataError: there is no "=" in one of them.
    """
    prefixes: dict[str, list[str]] = {}
    for text in domains:
        name, equals, values = text.partition("=")
        if not equals:
            raise DataError(f"{text!r} is not a domain; write its name and a prefix, such as 'orange=n07747607'.")
        prefixes.setdefault(name.strip(), []).extend(value.strip() for value in values.split(","))
    return prefixes
